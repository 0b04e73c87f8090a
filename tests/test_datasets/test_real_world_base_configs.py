"""The base configs of real-world data sets and of ImageNet, on miniatures in the real format."""

import builtins
import importlib
import io
import os

import mmcv
import numpy as np
import pytest
import torch
from mmpretrain.registry import DATASETS
from PIL import Image
from torchvision.transforms.v2 import CenterCrop, Compose, InterpolationMode, Resize

from base_config_utils import base_config, base_dataset
from deft_mm.datasets import class_names_of, given_labels_of

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
SHORT_SIDE = Compose([Resize(256), CenterCrop(224)])
# name: classes, mean and std of the paper on the 0..1 scale, torchvision's test transforms
SETTINGS = {
    'clothing1m': (14, ((0.6959, 0.6537, 0.6371), (0.3113, 0.3192, 0.3214)), SHORT_SIDE),
    'webvision': (
        50,
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        Compose([Resize((256, 256)), CenterCrop(224)]),
    ),
    'imagenet': (
        1000,
        CLIP,
        Compose([Resize(224, interpolation=InterpolationMode.BICUBIC), CenterCrop(224)]),
    ),
    'animal10n': (10, CLIP, Resize((224, 224))),
    'food101n': (101, CLIP, SHORT_SIDE),
}


@pytest.fixture(scope='module', params=SETTINGS)
def miniature(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('data') / request.param
    importlib.import_module(f'miniatures.{request.param}').make(root)
    return request.param, root


def test_training_samples_are_augmented_crops_with_given_labels(miniature):
    dataset = base_dataset(*miniature)
    assert len(dataset) >= 8
    for idx in range(4):  # images of all sizes
        sample = dataset[idx]
        assert sample['inputs'].shape == (3, 224, 224) and sample['inputs'].dtype == torch.uint8
        assert int(sample['data_samples'].gt_label) == dataset.given_labels[idx]
    views = [dataset[1]['inputs'] for _ in range(4)]
    assert any((views[0] != view).any() for view in views[1:])


@pytest.mark.parametrize('split', ['val', 'test'])
def test_evaluation_samples_are_those_of_torchvision(miniature, split):
    dataset = base_dataset(*miniature, split)
    assert len(dataset) >= 4
    for idx in range(4):
        sample = dataset[idx]
        image = mmcv.imread(sample['data_samples'].img_path, channel_order='rgb')
        expected = np.asarray(SETTINGS[miniature[0]][2](Image.fromarray(image)))
        np.testing.assert_array_equal(sample['inputs'].numpy()[::-1].transpose(1, 2, 0), expected)


def test_constants_and_classes_are_the_papers(miniature):
    num_classes, (mean, std), _ = SETTINGS[miniature[0]]
    cfg = base_config(*miniature)
    np.testing.assert_allclose(cfg.data_preprocessor.mean, np.multiply(mean, 255), rtol=1e-5)
    np.testing.assert_allclose(cfg.data_preprocessor.std, np.multiply(std, 255), rtol=1e-5)
    assert cfg.data_preprocessor.to_rgb and cfg.data_preprocessor.num_classes == num_classes
    for split in ('train', 'val', 'test'):
        dataset = base_dataset(*miniature, split)
        assert len(set(class_names_of(dataset))) == len(class_names_of(dataset)) == num_classes
        assert class_names_of(dataset) == class_names_of(base_dataset(*miniature))
        labels = given_labels_of(dataset)
        assert labels.min() >= 0 and labels.max() < num_classes


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_a_missing_data_set_is_one_error_that_shows_the_layout(miniature, split, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        base_dataset(miniature[0], tmp_path / 'nowhere', split)
    message = str(caught.value)
    assert f"'{tmp_path / 'nowhere'}/" in message and 'is missing' in message
    assert f'data/{miniature[0]}\n' in message and '├──' in message


def test_class_names_can_be_exchanged(miniature):
    cfg = base_config(*miniature)
    names = [f'thing {i}' for i in range(cfg.data_preprocessor.num_classes)]
    dataset = cfg.val_dataloader.dataset
    for part in dataset.get('datasets', [dataset]):
        part.metainfo = dict(classes=names)
    renamed = DATASETS.build(dataset)
    assert class_names_of(renamed) == names
    labels = given_labels_of(base_dataset(*miniature, 'val'))
    np.testing.assert_array_equal(given_labels_of(renamed), labels)


def test_annotations_are_read_without_a_look_at_single_images(miniature, monkeypatch):
    seen = []

    def noting(function):
        def noted(path, *args, **kwargs):
            seen.append(str(path))
            return function(path, *args, **kwargs)

        return noted

    for module, name in ((builtins, 'open'), (io, 'open'), (os, 'stat'), (os, 'lstat')):
        monkeypatch.setattr(module, name, noting(getattr(module, name)))
    for split in ('train', 'val', 'test'):
        base_dataset(*miniature, split)
    assert seen  # lists and folders
    assert not [path for path in seen if path.lower().endswith(('.jpg', '.jpeg'))]
