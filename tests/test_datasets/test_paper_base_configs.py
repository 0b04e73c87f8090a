"""The base configs of the paper's benchmarks and of MNIST, on miniatures in the real format."""

import hashlib
import importlib
from urllib.error import URLError

import mmcv
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmpretrain.registry import DATASETS, MODELS
from PIL import Image
from torchvision.transforms.v2.functional import pil_to_tensor, resize

from base_config_utils import base_config
from deft_mm.datasets import class_names_of, given_labels_of
from runner_utils import REPO

CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
CIFAR100 = ((0.507, 0.487, 0.441), (0.267, 0.256, 0.276))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# name: mean and std of the paper on the 0..1 scale, number of classes, and the start of the SHA-256
# of the class names of the paper's prompts, one a line in the order of the labels
SETTINGS = {
    'cifar10': (CIFAR10, 10, None),
    'cifar10n': (CIFAR10, 10, None),
    'cifar100': (CIFAR100, 100, '885a4cf92911f2df'),
    'cifar100n': (CIFAR100, 100, '885a4cf92911f2df'),
    'mnist': (CLIP, 10, None),
    'tinyimagenet': (CLIP, 200, '254e423b88fb90a9'),
    'cub': (IMAGENET, 200, '5c4ad6e85652ad6f'),
    'cars': (CLIP, 196, 'cfc060bd361e1664'),
}


@pytest.fixture(scope='module', params=SETTINGS)
def miniature(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / request.param
    module = importlib.import_module(f'miniatures.{request.param}')
    module.make(root)
    yield request.param, root
    getattr(module, 'undo', lambda: None)()


@pytest.fixture
def offline(monkeypatch):
    """No file can be downloaded."""

    def fail(*args, **kwargs):
        raise URLError('no network')

    for module in ('cifar', 'mnist'):
        monkeypatch.setattr(f'mmpretrain.datasets.{module}.download_and_extract_archive', fail)


def read_config(name, root):
    cfg = base_config(name, root)
    noise = cfg.train_dataloader.dataset.get('noise', {})
    if 'path' in noise:
        noise.path = noise.path.replace(f'data/{name}', str(root))
    for split in ('train', 'val', 'test'):
        # Serialising a data set runs the garbage collector, which takes longer than these tests.
        innermost(cfg[f'{split}_dataloader'].dataset).serialize_data = False
    return cfg


def innermost(dataset):
    """The config of the data set without its wrappers."""
    return innermost(dataset.dataset) if 'dataset' in dataset else dataset


def build(name, root, split='train'):
    return DATASETS.build(read_config(name, root)[f'{split}_dataloader'].dataset)


def original_image(dataset, idx):
    info = dataset.get_data_info(idx)
    if 'img_path' in info:
        return mmcv.imread(info['img_path'], channel_order='rgb')
    return info['img']


def pixels_for_the_model(name, root, split, indices):
    """What the model gets, (N, 3, 224, 224), without the normalisation of the paper."""
    cfg, dataset = read_config(name, root), build(name, root, split)
    preprocessor = MODELS.build({'type': 'ClsDataPreprocessor', **cfg.data_preprocessor})
    batch = pseudo_collate([dataset[idx] for idx in indices])
    seen = preprocessor(batch, training=split == 'train')['inputs']
    mean, std = torch.tensor(SETTINGS[name][0])[..., None, None]
    return 255 * (seen * std + mean)


@pytest.mark.parametrize('split', ['val', 'test'])
def test_the_model_sees_evaluation_samples_as_torchvision_prepares_them(miniature, split):
    name, _ = miniature
    dataset = build(*miniature, split)
    assert len(dataset) >= 4
    seen = pixels_for_the_model(*miniature, split, range(4))
    images = [resize(Image.fromarray(original_image(dataset, idx)), [224, 224]) for idx in range(4)]
    expected = torch.stack([pil_to_tensor(image) for image in images]).float()
    # 224 is no multiple of 64: Pillow's fixed-point arithmetic rounds some halves the other way.
    rounding = 2 if name == 'tinyimagenet' else 0
    torch.testing.assert_close(seen, expected, atol=rounding + 0.01, rtol=0)


def test_training_samples_are_random_crops_that_may_be_flipped(miniature):
    name, _ = miniature
    original = original_image(build(*miniature), 2)
    of_files = name in ('tinyimagenet', 'cub', 'cars')
    seen = pixels_for_the_model(*miniature, 'train', [2] * (12 if of_files else 48))
    assert seen.shape[1:] == (3, 224, 224)
    torch.testing.assert_close(seen, seen.round(), atol=0.01, rtol=0)
    views = list(seen.round().byte().permute(0, 2, 3, 1).numpy())
    found = (crops_of_files if of_files else crops_of_small_images)(original, views)
    assert None not in found
    for offsets in zip(*(corner for corner, _ in found), strict=True):
        assert len(set(offsets)) > 6 if of_files else set(offsets) == set(range(9))
    flips = {flipped for _, flipped in found}
    assert flips == ({False} if name == 'mnist' else {False, True})


def crops_of_files(image, views):
    """Corner and flip of windows of 224 pixels in the image of 256."""
    whole = np.asarray(resize(Image.fromarray(image), [256, 256]))
    corners = [(y, x) for y in range(33) for x in range(33)]
    windows = {(y, x): whole[y : y + 224, x : x + 224] for y, x in corners}
    return [match(view, windows) for view in views]


def crops_of_small_images(image, views):
    """Corner and flip of windows of the image padded by 4 pixels."""
    side = len(image)
    padded = np.pad(image, ((4, 4), (4, 4), (0, 0)))
    windows = {}
    for y in range(9):
        for x in range(9):
            window = Image.fromarray(padded[y : y + side, x : x + side])
            windows[y, x] = np.asarray(resize(window, [224, 224]))
    return [match(view, windows) for view in views]


def match(view, windows):
    for flipped in (False, True):
        unflipped = view[:, ::-1] if flipped else view
        for corner, window in windows.items():
            if (unflipped[100, 100:103] == window[100, 100:103]).all() and (
                unflipped == window
            ).all():
                return corner, flipped
    return None


def test_all_files_of_a_data_set_are_looked_for_in_one_folder(miniature):
    name, _ = miniature
    cfg = Config.fromfile(REPO / f'configs/_base_/datasets/{name}.py')
    for split in ('train', 'val', 'test'):
        assert innermost(cfg[f'{split}_dataloader'].dataset).data_root == f'data/{name}'
    path = cfg.train_dataloader.dataset.get('noise', {}).get('path', f'data/{name}/')
    assert path.startswith(f'data/{name}/')


def test_samples_have_the_labels_of_their_data_set(miniature):
    for split in ('train', 'val', 'test'):
        dataset = build(*miniature, split)
        labels = given_labels_of(dataset)
        assert len(labels) == len(dataset) >= (8 if split == 'train' else 4)
        assert len(set(labels.tolist())) >= 3 and labels.max() < SETTINGS[miniature[0]][1]
        for idx in range(len(dataset)):
            assert int(dataset[idx]['data_samples'].gt_label) == labels[idx]


def test_class_names_are_the_papers_in_the_order_of_the_labels(miniature):
    _, num_classes, digest = SETTINGS[miniature[0]]
    names = class_names_of(build(*miniature))
    assert read_config(*miniature).data_preprocessor.num_classes == num_classes
    assert len(set(names)) == len(names) == num_classes
    for split in ('val', 'test'):
        assert class_names_of(build(*miniature, split)) == names
    if digest is not None:
        assert hashlib.sha256('\n'.join(names).encode()).hexdigest().startswith(digest)


def test_class_names_can_be_exchanged(miniature):
    options = read_config(*miniature).val_dataloader.dataset
    names = [f'thing {i}' for i in range(SETTINGS[miniature[0]][1])]
    innermost(options).metainfo = dict(classes=names)
    renamed = DATASETS.build(options)
    assert class_names_of(renamed) == names
    labels = given_labels_of(build(*miniature, 'val'))
    np.testing.assert_array_equal(given_labels_of(renamed), labels)


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_a_missing_data_set_is_one_error_that_shows_the_layout(miniature, split, tmp_path, offline):
    with pytest.raises(FileNotFoundError) as caught:
        build(miniature[0], tmp_path / 'nowhere', split)
    message = str(caught.value)
    assert f"'{tmp_path / 'nowhere'}/" in message and 'is missing' in message
    assert f'data/{miniature[0].removesuffix("n")}' in message and '── ' in message
