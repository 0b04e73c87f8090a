"""The metafiles of ``configs/``, as the configs have it: names, paths, data sets and noise.

python tests/metafiles.py     # write them anew

Kept by hand in a metafile are its first comment, its collection, and the published figures.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from mmengine.config import Config

from deft_mm.comparison.run_setting import RunSetting

REPO = Path(__file__).parent.parent
INDEX = REPO / 'model-index.yml'
# How a data set is called, where not as its class.
NAMES = {
    'Animal10N': 'ANIMAL-10N',
    'CIFAR10': 'CIFAR-10',
    'CIFAR100': 'CIFAR-100',
    'CUB': 'CUB-200-2011',
    'Food101N': 'Food-101N',
    'ILSVRC12': 'ImageNet-1k',
    'StanfordCars': 'Stanford Cars',
    'TinyImageNet': 'Tiny-ImageNet',
    'WebVision': 'WebVision-50',
}


class _Indented(yaml.SafeDumper):
    """Lists further in than their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


_Indented.add_representer(
    float, lambda dumper, value: dumper.represent_scalar('tag:yaml.org,2002:float', f'{value:.2f}')
)


def model_index() -> dict:
    """The content of ``model-index.yml``: the metafile of every method."""
    folders = {path.parent for path in _configs()}
    return dict(Import=sorted(f'{_relative(folder)}/metafile.yml' for folder in folders))


def metafile(folder: Path) -> str:
    """The text that the metafile of a method's folder is to have."""
    text = (folder / 'metafile.yml').read_text()
    comment = ''.join(line for line in text.splitlines(keepends=True) if line.startswith('#'))
    content = yaml.safe_load(text)
    (collection,) = content['Collections']
    figures = {
        model['Name']: model['Results'][0]['Metrics']
        for model in content['Models']
        if 'Results' in model
    }
    models = [
        _model(path, collection['Name'], figures.pop(path.stem, None))
        for path in _configs()
        if path.parent == folder
    ]
    if figures:
        raise ValueError(
            f'{folder.name}/metafile.yml has figures of {", ".join(figures)}, which is no config '
            'there: call it as the config is called, or take it out.'
        )
    parts = (dict(Collections=[collection]), dict(Models=models))
    return comment + '\n'.join(
        yaml.dump(part, Dumper=_Indented, sort_keys=False, width=100) for part in parts
    )


def _configs() -> list[Path]:
    """The configs of published data sets: neither the digits nor images of one's own."""
    paths = sorted(path for path in REPO.glob('configs/*/*.py') if path.parent.name != '_base_')
    return [path for path in paths if '_digits_' not in path.name and '_folder' not in path.name]


def _model(path: Path, collection: str, figures: dict | None) -> dict:
    cfg = Config.fromfile(path, import_custom_modules=False)
    setting = RunSetting.from_config(cfg, collection)
    data = NAMES.get(setting.data, setting.data)
    added = setting.ratio is not None
    if setting.noise and not added:  # the labels of human annotators
        data += 'N'
    model = {'Name': path.stem, 'Metadata': {'Training Data': data}, 'In Collection': collection}
    if figures is not None:
        noise = f', {setting.noise}{round(100 * setting.ratio)}' if added else ''
        result = dict(Dataset=data + noise, Task='Image Classification', Metrics=figures)
        model['Results'] = [result]
    return {**model, 'Config': _relative(path)}


def _relative(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


if __name__ == '__main__':
    INDEX.write_text(yaml.dump(model_index(), Dumper=_Indented))
    for name in model_index()['Import']:
        (REPO / name).write_text(metafile((REPO / name).parent))
