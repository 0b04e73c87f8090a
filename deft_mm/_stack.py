"""Is the OpenMMLab stack there, and is it one that deft_mm was tested with?

The stack comes in two builds that share their import names: OpenMMLab's own and the maintained fork
by OneDL. The distributions of both write into the same folders, so the package metadata is asked
which is there: the modules themselves cannot tell.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from importlib import import_module, metadata

from packaging.specifiers import SpecifierSet

MODULES = ('mmengine', 'mmcv', 'mmpretrain')

# build -> import name -> distributions that provide it -> versions that deft_mm was tested with
TESTED: dict[str, dict[str, dict[str, str]]] = {
    'openmmlab': {
        'mmengine': {'mmengine': '>=0.10.7,<0.11'},
        'mmcv': {'mmcv-lite': '>=2.1,<2.3', 'mmcv': '>=2.1,<2.3'},
        'mmpretrain': {'mmpretrain': '>=1.2,<1.3'},
    },
    'onedl': {
        'mmengine': {'onedl-mmengine': '>=0.10.12,<0.11'},
        'mmcv': {'onedl-mmcv': '>=2.3.6,<2.4'},
        'mmpretrain': {'onedl-mmpretrain': '>=1.3.6,<1.4'},
    },
}

# One module from two distributions: the one installed last has overwritten files of the other. This
# pair is harmless while the versions agree, since mmcv-lite is mmcv without its compiled part.
_SAME_FILES = {'mmcv', 'mmcv-lite'}

_INSTALL = """\
Install one of the two builds of the stack in this environment:
    pip install "deft_mm[openmmlab]"    # OpenMMLab's; in a checkout: pip install -e ".[openmmlab]"
    pip install "deft_mm[onedl]"        # its maintained fork;        pip install -e ".[onedl]"
"""


def distribution_version(name: str) -> str | None:
    """Return the installed version of a distribution, or None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def module_version(name: str) -> str | None:
    """Return ``__version__`` of a module, or None if there is no such module.

    A module that is there without metadata is a source tree on ``PYTHONPATH``.
    """
    if importlib.util.find_spec(name) is None:
        return None
    return str(getattr(import_module(name), '__version__', 'unknown'))


def check_stack(
    distribution: Callable[[str], str | None] = distribution_version,
    module: Callable[[str], str | None] = module_version,
) -> None:
    """Refuse to go on without a stack that deft_mm was tested with.

    Args:
        distribution (Callable): Returns the installed version of a distribution, or None.
            Defaults to :func:`distribution_version`.
        module (Callable): Returns the version of an importable module, or None. Defaults to
            :func:`module_version`.

    Raises:
        ImportError: If a part is missing or of an untested version, or if two distributions have
            written into the same folder. Says what was found and which command to run.

    Warns:
        UserWarning: If parts come from different builds, or if mmcv and mmcv-lite share a folder.
    """
    found, problems, to_remove = {}, [], []
    for name in MODULES:
        tested = {dist: spec for build in TESTED.values() for dist, spec in build[name].items()}
        versions = {dist: distribution(dist) for dist in tested}
        found[name] = {dist: version for dist, version in versions.items() if version is not None}
        problem = _problem(name, tested, found[name], module)
        if problem is not None:
            problems.append(problem)
            to_remove.extend(found[name])
    if problems:
        raise ImportError(_message(problems, to_remove))
    _warn_about_mixture(found)


def _is_tested(version: str, specifier: str) -> bool:
    # Pre-releases and local builds of a tested version count as that version.
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except ValueError:
        return False


def _problem(
    name: str,
    tested: dict[str, str],
    versions: dict[str, str],
    module: Callable[[str], str | None],
) -> str | None:
    """Return what is wrong with one part of the stack, or None."""
    if len(versions) > 1 and (set(versions) != _SAME_FILES or len(set(versions.values())) > 1):
        both = ' and '.join(f'{dist} {version}' for dist, version in versions.items())
        return f'{name}: {both} are both installed and overwrite each other.'
    for dist, version in versions.items():
        if not _is_tested(version, tested[dist]):
            return f'{name}: {dist} {version} is installed; deft_mm was tested with {tested[dist]}.'
    version = module(name)
    if version is None and versions:
        # What pip leaves behind when one of two builds is uninstalled.
        return f'{name}: {" and ".join(versions)} is listed as installed, but its files are gone.'
    if version is None:
        return f'{name} is not installed.'
    if not versions and not any(_is_tested(version, specifier) for specifier in tested.values()):
        known = ' or '.join(f'{dist}{specifier}' for dist, specifier in tested.items())
        return f'{name}: version {version} was found; deft_mm was tested with {known}.'
    return None


def _message(problems: list[str], to_remove: list[str]) -> str:
    lines = ['deft_mm needs the OpenMMLab stack (mmengine, mmcv, mmpretrain):']
    lines += [f'    {problem}' for problem in problems]
    if to_remove:
        lines += ['First remove what does not fit:', f'    pip uninstall -y {" ".join(to_remove)}']
    return '\n'.join(lines) + '\n' + _INSTALL


def _warn_about_mixture(found: dict[str, dict[str, str]]) -> None:
    if set(found['mmcv']) == _SAME_FILES:
        warnings.warn(
            'mmcv and mmcv-lite are both installed and share their files; removing one breaks the '
            'other. To keep one: pip uninstall -y mmcv mmcv-lite, then install the one you need.',
            stacklevel=3,
        )
    builds = {
        build
        for build, parts in TESTED.items()
        for name, versions in found.items()
        if set(versions) & set(parts[name])
    }
    if len(builds) > 1:
        names = ', '.join(f'{d} {v}' for versions in found.values() for d, v in versions.items())
        warnings.warn(
            f'The OpenMMLab stack is put together from two builds ({names}), which deft_mm was not '
            'tested with. Better install one of them in a new environment: '
            'pip install "deft_mm[openmmlab]" or pip install "deft_mm[onedl]".',
            stacklevel=3,
        )
