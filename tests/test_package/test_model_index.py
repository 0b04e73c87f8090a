"""The model index lists what is there."""

from pathlib import Path

import yaml

from runner_utils import CONFIGS, REPO


def models() -> list[dict]:
    index = yaml.safe_load((REPO / 'model-index.yml').read_text())
    files = [yaml.safe_load((REPO / path).read_text()) for path in index['Import']]
    return [model for file in files for model in file['Models']]


def test_every_config_of_a_paper_setting_is_in_the_index():
    listed = {model['Config'] for model in models()}
    configs = {str(path.relative_to(REPO)) for path in CONFIGS}
    own = {path for path in configs if '_digits_' in path or '_folder' in path}
    assert listed == configs - own


def test_a_model_is_called_as_its_config():
    for model in models():
        path = Path(model['Config'])
        assert path.stem == model['Name'] and path.stem.startswith(f'{path.parent.name}_')


def test_every_model_belongs_to_the_collection_of_its_folder():
    index = yaml.safe_load((REPO / 'model-index.yml').read_text())
    for path in index['Import']:
        content = yaml.safe_load((REPO / path).read_text())
        (collection,) = content['Collections']
        assert (REPO / collection['README']).parent == (REPO / path).parent
        assert {model['In Collection'] for model in content['Models']} == {collection['Name']}
