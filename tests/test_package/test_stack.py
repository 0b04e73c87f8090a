"""The check for the OpenMMLab stack: what it lets pass, and what it says when it does not."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from deft_mm._stack import MODULES, TESTED, check_stack

ROOT = Path(__file__).parents[2]
STOCK = {'mmengine': '0.10.7', 'mmcv-lite': '2.2.0', 'mmpretrain': '1.2.0'}
FORK = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmpretrain': '1.3.6'}


def check(distributions: dict[str, str], modules: dict[str, str] | None = None) -> None:
    """Run the check in a made-up environment; modules default to what the distributions bring."""
    if modules is None:
        modules = {
            dist.removeprefix('onedl-').removesuffix('-lite'): version
            for dist, version in distributions.items()
        }
    check_stack(distribution=distributions.get, module=modules.get)


def error(distributions: dict[str, str], modules: dict[str, str] | None = None) -> str:
    with pytest.raises(ImportError) as caught:
        check(distributions, modules)
    return str(caught.value)


@pytest.mark.parametrize(
    'distributions',
    [
        STOCK,
        FORK,
        {**{k: v for k, v in STOCK.items() if k != 'mmcv-lite'}, 'mmcv': '2.1.0'},
        {**STOCK, 'mmcv-lite': '2.2.0+local'},
        {**FORK, 'onedl-mmengine': '0.10.13rc1'},
    ],
    ids=['stock', 'fork', 'mmcv with operators', 'local build', 'pre-release'],
)
def test_one_tested_build_passes_without_a_warning(distributions):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check(distributions)


def test_missing_stack_names_every_part_and_both_commands():
    message = error({})
    for module in MODULES:
        assert f'{module} is not installed' in message
    assert 'pip install "deft_mm[openmmlab]"' in message
    assert 'pip install -e ".[openmmlab]"' in message
    assert 'pip install "deft_mm[onedl]"' in message
    assert 'pip install -e ".[onedl]"' in message
    assert 'pip uninstall' not in message


def test_one_missing_part_is_the_only_one_reported():
    message = error({k: v for k, v in STOCK.items() if k != 'mmpretrain'})
    assert 'mmpretrain is not installed' in message
    assert 'mmcv is not installed' not in message
    assert 'mmengine is not installed' not in message


@pytest.mark.parametrize(
    ('dist', 'version', 'tested'),
    [
        ('mmengine', '0.9.1', '>=0.10.7'),
        ('mmengine', '0.11.0', '<0.11'),
        ('mmcv-lite', '2.0.1', '>=2.1'),
        ('mmpretrain', '1.1.1', '>=1.2'),
        ('mmpretrain', 'not a version', '>=1.2'),
    ],
)
def test_untested_version_is_named_with_the_tested_range(dist, version, tested):
    message = error({**STOCK, dist: version})
    assert f'{dist} {version} is installed' in message
    assert tested in message
    assert f'pip uninstall -y {dist}\n' in message
    assert 'pip install "deft_mm[openmmlab]"' in message


def test_untested_version_of_the_fork_is_refused():
    assert 'onedl-mmcv 2.3.5 is installed' in error({**FORK, 'onedl-mmcv': '2.3.5'})


def test_two_distributions_of_one_module_are_refused():
    message = error({**STOCK, 'onedl-mmengine': '0.10.12'})
    assert 'mmengine 0.10.7 and onedl-mmengine 0.10.12 are both installed' in message
    assert 'pip uninstall -y mmengine onedl-mmengine' in message


def test_mmcv_and_mmcv_lite_of_different_versions_are_refused():
    message = error({**STOCK, 'mmcv': '2.1.0'})
    assert 'pip uninstall -y mmcv-lite mmcv' in message


def test_mmcv_and_mmcv_lite_of_one_version_are_a_warning():
    with pytest.warns(UserWarning, match='mmcv and mmcv-lite are both installed'):
        check({**STOCK, 'mmcv': '2.2.0'})


def test_parts_of_both_builds_are_a_warning():
    mixed = {k: v for k, v in STOCK.items() if k != 'mmpretrain'}
    with pytest.warns(UserWarning, match='two builds .*onedl-mmpretrain 1.3.6'):
        check({**mixed, 'onedl-mmpretrain': '1.3.6'})


def test_files_gone_from_under_an_installed_distribution_are_reported():
    modules = {'mmengine': '0.10.7', 'mmpretrain': '1.2.0'}
    message = error(STOCK, modules)
    assert 'mmcv-lite is listed as installed, but its files are gone' in message
    assert 'pip uninstall -y mmcv-lite' in message


def test_source_trees_without_metadata_are_judged_by_their_version():
    check({}, {'mmengine': '0.10.7', 'mmcv': '2.2.0', 'mmpretrain': '1.2.0'})
    message = error({}, {'mmengine': '0.10.7', 'mmcv': '1.7.2', 'mmpretrain': '1.2.0'})
    assert 'version 1.7.2 was found' in message


@pytest.mark.parametrize('build', sorted(TESTED))
def test_extra_installs_only_tested_versions(build):
    lines = (ROOT / 'requirements' / f'{build}.txt').read_text(encoding='utf-8').splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith('#')]
    extra = {requirement.name: requirement.specifier for requirement in requirements}
    for module in MODULES:
        dist, tested = next(iter(TESTED[build][module].items()))
        (pin, *others) = extra[dist]
        exact = pin.operator == '==' and not others
        assert extra[dist] == SpecifierSet(tested) or (
            exact and pin.version in SpecifierSet(tested)
        )


def test_import_without_the_stack_ends_with_the_command_to_run():
    # A process of its own in which the three modules and their metadata cannot be found.
    program = (
        'import sys\n'
        'from importlib import metadata, util\n'
        f'hidden = {MODULES!r}\n'
        'version, find_spec = metadata.version, util.find_spec\n'
        'def no_version(name):\n'
        '    if name.removeprefix("onedl-").removesuffix("-lite") in hidden:\n'
        '        raise metadata.PackageNotFoundError(name)\n'
        '    return version(name)\n'
        'metadata.version = no_version\n'
        'util.find_spec = lambda name, *a: None if name in hidden else find_spec(name, *a)\n'
        'import deft_mm\n'
    )
    run = subprocess.run(
        [sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    assert 'ImportError: deft_mm needs the OpenMMLab stack' in run.stderr
    assert 'pip install -e ".[openmmlab]"' in run.stderr
    assert 'During handling of the above exception' not in run.stderr
