"""Every config of the repo builds its real model and trains one step of each stage."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from runner_utils import CONFIGS, REPO, num_classes_of, run, tiny

PATHS = [str(path.relative_to(REPO / 'configs')) for path in CONFIGS]


@pytest.mark.parametrize('path', PATHS)
def test_config_builds_its_full_model(path):
    cfg = Config.fromfile(REPO / 'configs' / path)
    with torch.device('meta'), DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert trained and all(parameter.is_meta for parameter in trained)


@pytest.mark.parametrize('path', PATHS)
def test_config_has_as_many_classes_everywhere(path):
    cfg = Config.fromfile(REPO / 'configs' / path)
    count = num_classes_of(cfg)
    assert cfg.data_preprocessor.num_classes == count
    dataset = cfg.train_dataloader.dataset.dataset
    if 'metainfo' in dataset:
        assert len(set(dataset.metainfo.classes)) == count
        assert cfg.val_dataloader.dataset.metainfo.classes == dataset.metainfo.classes


@pytest.mark.parametrize('path', PATHS)
def test_config_trains_every_stage(path, tmp_path):
    cfg = tiny(path, tmp_path)
    runner = run(cfg)
    stages = {'detector', 'classifier'} if cfg.model.type == 'DeFT' else {'model'}
    trained = {epoch for epoch, _ in runner.order.batches}
    assert len(trained) == len(stages)
    assert (tmp_path / 'summary.json').is_file()
    assert (tmp_path / 'selection.csv').is_file() == (cfg.model.type == 'DeFT')
    state = runner.model.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())


def test_cifar100_prompts_use_the_papers_class_names():
    cfg = Config.fromfile(REPO / 'configs/deft/deft_cifar100_sym60.py')
    classes = list(cfg.train_dataloader.dataset.dataset.metainfo.classes)
    # alphabetical with `computer_keyboard` at the place of MMPretrain's `keyboard`
    assert classes[39] == 'computer_keyboard'
    others = classes[:39] + classes[40:]
    assert others == sorted(others)
