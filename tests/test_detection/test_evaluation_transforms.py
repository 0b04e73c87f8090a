"""Images come to the detector in its size and colours, wherever they come from."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS, MODELS
from PIL import Image

from deft_mm.datasets import evaluation_view
from deft_mm.detection import evaluation_transforms, find_data
from deft_mm.engine.launch import read_config
from runner_utils import REPO, tiny

# Detectors, and the size that they bring images to: in the pipeline, in the data preprocessor, by
# cutting them out of larger ones.
SIZES = dict(digits_sym40=32, cifar100_sym60=224, tinyimagenet_sym40=224, clothing1m=224)
COLOURS = {'red': (250, 20, 10), 'blue': (5, 30, 240)}
IN_MEMORY = "type='OneColourImages', pipeline=[dict(type='PackInputs')]"
# Data in memory as MMPretrain keeps CIFAR, in memory as OpenCV decodes it, and in files.
DATA_CONFIGS = dict(
    rgb=f"dict({IN_MEMORY}, order='rgb')",
    bgr=f"dict({IN_MEMORY}, order='bgr')",
    wrapped=f"dict(type='NoisyLabelDataset', dataset=dict({IN_MEMORY}))",
    files="dict(type='ImageFolderDataset', data_root='{root}', val_path='.', "
    "pipeline=[dict(type='FastLoadImageFromFile'), dict(type='RandomErasing')])",
    files_without_a_pipeline="dict(type='ImageFolderDataset', data_root='{root}', val_path='.')",
)


@DATASETS.register_module()
class OneColourImages(BaseDataset):
    """A red and a blue image in memory."""

    METAINFO = dict(classes=tuple(COLOURS))

    def __init__(self, order: str = 'rgb', **kwargs) -> None:
        self.step = dict(rgb=1, bgr=-1)[order]
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        images = [np.full((32, 32, 3), colour, np.uint8) for colour in COLOURS.values()]
        return [dict(img=img[..., :: self.step], gt_label=i) for i, img in enumerate(images)]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A folder with a red image and a blue one, of two sizes."""
    root = tmp_path_factory.mktemp('images')
    for (name, colour), size in zip(COLOURS.items(), [(300, 260), (30, 41)], strict=True):
        (root / name).mkdir()
        Image.new('RGB', size, colour).save(root / name / 'image.png')
    return root


def config(name: str) -> Config:
    return read_config(REPO / f'configs/deft/deft_{name}.py', {})


def data_config(kind: str, root, tmp_path):
    """Write a config that has data, and says in which order their colours are."""
    path = tmp_path / f'{kind}.py'
    dataset = DATA_CONFIGS[kind].replace('{root}', str(root))
    to_rgb = kind not in ('rgb', 'wrapped')
    path.write_text(
        f'train_dataloader = dict(dataset={dataset})\n'
        f'data_preprocessor = dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb={to_rgb})\n'
    )
    return path


def seen_colours(cfg: Config, path, source: Config | None = None) -> tuple[list, tuple]:
    """The colours of what the network gets, without the detector's normalisation, and the size."""
    data = find_data(cfg, str(path))
    dataset = DATASETS.build(data.dataset)
    pipeline, preprocessor = evaluation_transforms(cfg, data, dataset, source)
    view = evaluation_view(dataset, pipeline)
    inputs = [view[i]['inputs'] for i in range(len(dataset))]
    model = MODELS.build(dict(type='ClsDataPreprocessor') | preprocessor)
    inputs = model(dict(inputs=inputs), training=False)['inputs']
    mean, std = (torch.tensor(cfg.data_preprocessor[key])[:, None, None] for key in ('mean', 'std'))
    pixels = (inputs * std + mean).round()
    names = dataset.metainfo['classes']
    colours = {}
    for i, image in enumerate(pixels):
        assert (image == image[:, :1, :1]).all()
        colours[names[view.get_data_info(i)['gt_label']]] = tuple(image[:, 0, 0].int().tolist())
    return colours, tuple(inputs.shape[-2:])


@pytest.mark.parametrize('detector', SIZES)
@pytest.mark.parametrize('kind', ['folder', *DATA_CONFIGS])
def test_every_detector_sees_all_data_in_its_size_and_in_their_colours(
    detector, kind, root, tmp_path
):
    path = root if kind == 'folder' else data_config(kind, root, tmp_path)
    size = SIZES[detector]
    assert seen_colours(config(detector), path) == (COLOURS, (size, size))


@pytest.mark.parametrize(
    ('detector', 'source', 'size'),
    [
        ('digits_sym40', 'cifar100_sym60', 224),
        ('cifar100_sym60', 'digits_sym40', 32),
        ('clothing1m', 'tinyimagenet_sym40', 224),
    ],
)
def test_another_configs_transforms_change_the_size_and_not_the_colours(
    detector, source, size, root
):
    seen = seen_colours(config(detector), root, config(source))
    assert seen == (COLOURS, (size, size))


def test_data_of_ones_own_are_seen_as_the_config_has_it():
    for name in ('digits_sym40', 'cifar100_sym60'):
        cfg = config(name)
        own = find_data(cfg, None)
        dataset = OneColourImages()
        pipeline, preprocessor = evaluation_transforms(cfg, own, dataset)
        assert pipeline == cfg.val_dataloader.dataset.pipeline
        assert preprocessor == cfg.data_preprocessor


def test_foreign_images_are_resized_to_the_clips_size_where_nothing_else_does_it(root):
    cfg = tiny('deft/deft_digits_sym40.py', 'unused')
    assert cfg.val_dataloader.dataset.pipeline == [dict(type='PackInputs')]
    assert seen_colours(cfg, root) == (COLOURS, (32, 32))
    cfg.model.detector.backbone.img_size = (48, 64)
    assert seen_colours(cfg, root) == (COLOURS, (48, 64))
    pipeline, _ = evaluation_transforms(cfg, find_data(cfg, None), OneColourImages())
    assert pipeline == [dict(type='PackInputs')]


def test_the_pipeline_of_the_scoring_pass_comes_first():
    cfg = config('digits_sym40')
    own = [dict(type='Resize', scale=48), dict(type='PackInputs')]
    cfg.default_hooks.noise_filter.pipeline = own
    assert evaluation_transforms(cfg, find_data(cfg, None), OneColourImages())[0] == own


def test_without_evaluation_transforms_another_config_is_asked_for(root):
    cfg = config('digits_sym40')
    cfg.val_dataloader = cfg.test_dataloader = None
    with pytest.raises(ValueError, match='val_dataloader.dataset.pipeline.*--pipeline-from'):
        seen_colours(cfg, root)
