"""What is shown of a sample: the right pixels in the right colours, at each step."""

import numpy as np
import pytest
import torch
from mmpretrain.datasets import BaseDataset, CustomDataset
from mmpretrain.models import ClsDataPreprocessor
from PIL import Image

from deft_mm.datasets import DigitsDataset, InMemoryDataset, NoisyLabelDataset
from deft_mm.datasets.unreadable_image import UnreadableImageError
from deft_mm.visualization import sample_views

LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackInputs')
FLIP = dict(type='RandomFlip', prob=1.0)
# red on the left, blue on the right: neither a flip nor swapped channels go unnoticed
RED_BLUE = np.zeros((4, 6, 3), dtype=np.uint8)
RED_BLUE[:, :3, 0] = RED_BLUE[:, 3:, 2] = 255


class ImagesInMemory(BaseDataset):
    """One RGB image, held as MMPretrain's CIFAR10 holds its own."""

    METAINFO = dict(classes=('thing',))

    def load_data_list(self) -> list[dict]:
        return [dict(img=RED_BLUE, gt_label=0)]


def image_file(root, pipeline) -> CustomDataset:
    (root / 'thing').mkdir(exist_ok=True)
    Image.fromarray(RED_BLUE).save(root / 'thing' / 'image.png')
    return CustomDataset(data_prefix=str(root), pipeline=pipeline)


def only(views) -> np.ndarray:
    (view,) = views
    return view.image


def seen_by_the_model(dataset, to_rgb: bool) -> np.ndarray:
    """The first image of a data set behind MMPretrain's own data preprocessor, (H, W, 3)."""
    preprocessor = ClsDataPreprocessor(mean=[0] * 3, std=[1] * 3, to_rgb=to_rgb)
    batch = preprocessor(dict(inputs=[dataset[0]['inputs']]))['inputs']
    return batch[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize('to_rgb', [True, False])
@pytest.mark.parametrize('source', ['file', 'memory', 'file in memory'])
def test_original_has_the_colours_of_the_source_and_model_input_those_of_the_model(
    tmp_path, source, to_rgb
):
    if source == 'file':
        dataset = image_file(tmp_path, [LOAD, FLIP, PACK])
    elif source == 'memory':
        dataset = ImagesInMemory(ann_file='', pipeline=[FLIP, PACK])
    else:
        dataset = InMemoryDataset(image_file(tmp_path, [FLIP, PACK]))
    dataset = NoisyLabelDataset(dataset)
    np.testing.assert_array_equal(only(sample_views(dataset, 0, 'original')), RED_BLUE)
    shown = only(sample_views(dataset, 0, 'transformed', to_rgb))
    np.testing.assert_array_equal(shown, seen_by_the_model(dataset, to_rgb))
    is_right = to_rgb == (source != 'memory')
    assert np.array_equal(shown, RED_BLUE[:, ::-1]) == is_right
    # A wrong `to_rgb` is the one thing that packing is blamed for.
    names = [view.name for view in sample_views(dataset, 0, 'pipeline', to_rgb)]
    assert names == ['original', 'RandomFlip', *([] if is_right else ['model input'])]


def test_colours_stay_right_where_the_pipeline_swaps_the_channels(tmp_path):
    to_pil, to_array = dict(type='NumpyToPIL', to_rgb=True), dict(type='PILToNumpy', to_bgr=True)
    dataset = image_file(tmp_path, [LOAD, to_pil, to_array, PACK])
    views = sample_views(dataset, 0, 'pipeline', to_rgb=True)
    assert [view.name for view in views] == ['original', 'NumpyToPIL', 'PILToNumpy']
    for view in views:
        np.testing.assert_array_equal(view.image, RED_BLUE)


def test_each_step_shows_the_image_that_the_step_made():
    resize = dict(type='Resize', scale=16)
    dataset = DigitsDataset(pipeline=[FLIP, resize, PACK])
    stored = dataset.get_data_info(3)['img']
    original, flipped, resized = sample_views(dataset, 3, 'pipeline')
    assert (original.name, flipped.name, resized.name) == ('original', 'RandomFlip', 'Resize')
    np.testing.assert_array_equal(original.image, stored)
    np.testing.assert_array_equal(flipped.image, stored[:, ::-1])
    np.testing.assert_array_equal(resized.image, dataset[3]['inputs'].permute(1, 2, 0))
    both = sample_views(dataset, 3, 'concat')
    assert [view.name for view in both] == ['original', 'model input']
    np.testing.assert_array_equal(both[0].image, original.image)
    np.testing.assert_array_equal(both[1].image, resized.image)


@pytest.mark.parametrize(
    ('pixels', 'shown'),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 99.6, 200.0], [0, 100, 200]),
        ([-2.0, 0.0, 2.0], [0, 128, 255]),
    ],
)
def test_float_images_are_shown_over_the_range_they_have(pixels, shown):
    def as_tensor(results: dict) -> dict:
        return dict(inputs=torch.tensor(pixels).reshape(1, 1, 3))

    dataset = DigitsDataset(pipeline=[])
    dataset.pipeline.transforms.append(as_tensor)
    image = only(sample_views(dataset, 0, 'transformed'))
    assert image.dtype == np.uint8 and image.shape == (1, 3, 3)
    np.testing.assert_array_equal(image[0, :, 1], shown)


def test_earlier_views_stay_as_they_were_where_a_transform_writes_into_the_image():
    def darken(results: dict) -> dict:
        results['img'][:] = 0
        return results

    dataset = DigitsDataset(pipeline=[])
    dataset.pipeline.transforms.append(darken)
    original, dark = sample_views(dataset, 0, 'concat')
    assert original.image.any() and not dark.image.any()


def test_what_cannot_be_shown_is_named(tmp_path):
    dataset = image_file(tmp_path, [LOAD, PACK])
    (tmp_path / 'thing' / 'image.png').write_text('no image')
    with pytest.raises(UnreadableImageError):
        sample_views(dataset, 0)
    with pytest.raises(ValueError, match='makes no image.*LoadImageFromFile'):
        sample_views(image_file(tmp_path, []), 0)
    with pytest.raises(ValueError, match='`mode` is one of original, .* found .half.'):
        sample_views(dataset, 0, 'half')
    two_views = dict(type='MultiView', num_views=2, transforms=[[FLIP]])
    with pytest.raises(TypeError, match='one image a sample'):
        sample_views(image_file(tmp_path, [LOAD, two_views, PACK]), 0, 'transformed')
