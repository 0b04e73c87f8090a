"""The model index lists what is there."""

import shutil

import pytest
import yaml
from mmpretrain import list_models
from mmpretrain.apis.model import ModelHub

from metafiles import INDEX, REPO, metafile, model_index
from runner_utils import CONFIGS

METAFILES = model_index()['Import']
RENEW = 'run `python tests/metafiles.py`'


def test_the_index_imports_the_metafile_of_every_method():
    assert yaml.safe_load(INDEX.read_text()) == model_index(), RENEW


@pytest.mark.parametrize('path', METAFILES)
def test_a_metafile_lists_the_configs_of_its_folder_with_their_data_and_noise(path):
    path = REPO / path
    assert path.read_text() == metafile(path.parent), RENEW


@pytest.mark.parametrize('path', METAFILES)
def test_a_collection_is_explained_in_its_folder(path):
    (collection,) = yaml.safe_load((REPO / path).read_text())['Collections']
    readme = REPO / collection['README']
    assert readme.is_file() and readme.parent == (REPO / path).parent


def test_a_config_is_called_after_its_folder():
    assert all(path.stem.startswith(f'{path.parent.name}_') for path in CONFIGS)


def test_figures_of_a_config_that_is_not_there_are_not_dropped(tmp_path):
    shutil.copy(REPO / 'configs' / 'deft' / 'metafile.yml', tmp_path)
    with pytest.raises(ValueError, match='has figures of deft_cifar100_sym20, '):
        metafile(tmp_path)


def test_mmpretrain_lists_the_configs(monkeypatch):
    monkeypatch.setattr(ModelHub, '_models_dict', dict(ModelHub._models_dict))
    ModelHub.register_model_index(INDEX)
    assert 'deft_animal10n' in list_models('deft*')
