"""What was compared in a run: method, data, noise, variant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from deft_mm.engine.config_walk import datasets_in, is_wrapper

# Short names of the noise models; another one is called by its type.
_NOISE_NAMES = dict(
    SymmetricNoise='sym',
    AsymmetricNoise='asym',
    StructuredNoise='str',
    PairFlipNoise='pair',
    InstanceDependentNoise='idn',
)
# The noise in the name of a config, which stands for itself in a table.
_NOISE_IN_NAME = r'(?:sym|asym|str|pair|idn)\d+|aggre|worse|random\d'


@dataclass(frozen=True)
class RunSetting:
    """What a run has in common with the same run with another seed.

    Args:
        method (str): Name of the method.
        data (str): Name of the data set.
        noise (str): Short name of the noise model, such as 'sym', or the human annotations' name;
            '' where none is added.
        ratio (float, optional): Its nominal ratio. Defaults to None.
        variant (str): The variant's name in the comparison. Defaults to ''.
    """

    method: str
    data: str
    noise: str
    ratio: float | None = None
    variant: str = ''

    @classmethod
    def from_config(cls, cfg: Mapping, method: str, variant: str = '') -> RunSetting:
        """Read data and noise from a config with its overrides merged."""
        datasets = [dataset for _, dataset in datasets_in(cfg, ['train_dataloader'])]
        data = [_type_name(d).removesuffix('Dataset') for d in datasets if not is_wrapper(d)]
        noises = [dataset['noise'] for dataset in datasets if dataset.get('noise') is not None]
        noise = noises[0] if noises else {}
        return cls(
            method=method,
            data=' + '.join(dict.fromkeys(data)),
            noise=_noise_name(noise) if noises else '',
            ratio=noise.get('ratio'),
            variant=variant,
        )

    @property
    def noise_text(self) -> str:
        """str: Noise and ratio, for example 'sym 0.4'."""
        if not self.noise:
            return 'none added'
        return self.noise if self.ratio is None else f'{self.noise} {self.ratio:g}'


def method_name(config: str) -> str:
    """The method in the path of a config, ``configs/<method>/<method>_<data>_<noise>_<more>.py``.

    Args:
        config (str): Path of a config file.

    Returns:
        str: The method and what is more, for example 'deft resnet50'; the file's name without
        suffix where the path is not of this form.
    """
    path = PurePath(config.replace('\\', '/'))
    match = re.fullmatch(
        rf'{re.escape(path.parent.name)}_[^_]+(?:_(?:{_NOISE_IN_NAME}))?(?:_(?P<more>.+))?',
        path.stem,
    )
    if match is None:
        return path.stem
    return f'{path.parent.name} {match["more"] or ""}'.rstrip()


def _type_name(cfg: Mapping) -> str:
    type_ = cfg.get('type', '')
    return getattr(type_, '__name__', str(type_)).rpartition('.')[2]


def _noise_name(noise: Mapping) -> str:
    name = _type_name(noise)
    if name == 'HumanNoise':
        return str(noise.get('key', 'human')).removesuffix('_label')
    return _NOISE_NAMES.get(name, name.removesuffix('Noise').lower())
