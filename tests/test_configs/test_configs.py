"""Every config builds its real model; each method, data set and noise trains on a miniature."""

import re
from contextlib import ExitStack

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from base_config_utils import miniature, move_data
from deft_mm.engine.data_settings import fill_num_classes, settle_data
from deft_mm.selection import build_selector
from runner_utils import CONFIGS, REPO, num_classes_of, run, tiny

PATHS = [str(path.relative_to(REPO / 'configs')) for path in CONFIGS]


def data_of(path: str) -> str:
    """The data set in a config's name: 'cub' of 'deft/deft_cub_sym20.py'."""
    method, name = path.removesuffix('.py').split('/')
    return name.removeprefix(f'{method}_').split('_')[0]


def _to_train(paths: list[str]) -> list[str]:
    """DeFT on each data set, with each noise on CIFAR-100; a baseline on two data sets, so that
    each data set has two baselines or more.
    """
    deft, others = {}, {}
    for path in paths:
        method, name = path.split('/')
        data = data_of(path)
        if method != 'deft':
            others.setdefault(method, {}).setdefault(data, path)
        else:
            key = (
                name
                if data == 'cifar100'
                else re.sub(r'_(sym|asym|idn)\d+|_(aggre|random1)', '', name)
            )
            deft.setdefault(re.sub(r'\d0', '', key), path)
    chosen = list(deft.values())
    for i, of_data in enumerate(others.values()):
        found = list(of_data.values())
        chosen += {found[i % len(found)], found[(i + 3) % len(found)]}
    return sorted(chosen)


TRAINED = _to_train(PATHS)


@pytest.fixture(scope='module')
def root_of(tmp_path_factory):
    """The folder of a miniature data set, written when it is first asked for."""
    folder, roots = tmp_path_factory.mktemp('data'), {}
    with ExitStack() as stack:

        def root(name: str):
            if name not in roots:
                roots[name] = stack.enter_context(miniature(name, folder / name))
            return roots[name]

        yield root


@pytest.mark.parametrize('path', PATHS)
def test_config_builds_its_full_model(path):
    cfg = Config.fromfile(REPO / 'configs' / path)
    fill_num_classes(cfg, 10)  # where it is left to the data
    backbone = cfg.model.get('classifier', cfg.model).backbone
    if 'pretrained' in backbone:  # timm would download the weights
        backbone.pretrained = False
    with torch.device('meta'), DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert trained and all(parameter.is_meta for parameter in trained)


@pytest.mark.parametrize('path', TRAINED)
def test_config_trains_every_stage(path, tmp_path, root_of):
    cfg = tiny(path, tmp_path, made_up_images=False)
    if data_of(path) == 'digits':  # ship with scikit-learn
        cfg.train_dataloader.dataset.dataset.indices = 24
        cfg.val_dataloader.dataset.indices = 6
    else:
        root = root_of(data_of(path))
        move_data(cfg._cfg_dict, root)
        cfg.data_root = str(root)
        settle_data(cfg)
    hook = cfg.default_hooks.get('noise_filter')
    if hook is not None:
        build_selector(hook.get('selector') or dict(type='DualPromptSelector'))
        hook.selector = dict(type='KeepEvenIndices')  # a random CLIP may keep nothing
        if 'begin' in hook:
            hook.begin = 0
    runner = run(cfg)
    assert cfg.data_preprocessor.num_classes == num_classes_of(cfg)
    assert len(runner.train_dataloader.dataset.metainfo['classes']) == num_classes_of(cfg)
    trained = {epoch for epoch, _ in runner.order.batches}
    assert len(trained) == cfg.train_cfg.max_epochs
    assert (tmp_path / 'summary.json').is_file()
    assert (tmp_path / 'selection.csv').is_file() == (hook is not None)
    state = runner.model.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point())
