"""The model index lists what is there."""

import yaml

from runner_utils import CONFIGS, REPO


def models() -> list[dict]:
    index = yaml.safe_load((REPO / 'model-index.yml').read_text())
    files = [yaml.safe_load((REPO / path).read_text()) for path in index['Import']]
    return [model for file in files for model in file['Models']]


def test_every_config_of_a_paper_setting_is_in_the_index():
    listed = {model['Config'] for model in models()}
    configs = {str(path.relative_to(REPO)) for path in CONFIGS if path.parent.name == 'deft'}
    own = {'configs/deft/deft_digits_sym40.py', 'configs/deft/deft_folder.py'}
    assert listed == configs - own


def test_a_model_is_called_as_its_config():
    for model in models():
        assert model['Config'] == f'configs/deft/{model["Name"]}.py'
