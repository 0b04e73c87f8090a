"""What `pip install` puts into an environment."""

from __future__ import annotations

import re
import subprocess
import sys
from email.parser import Parser
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import deft_mm
from deft_mm.version import __version__

ROOT = Path(__file__).parents[2]
# What interpreters and tools leave behind.
IGNORED = re.compile(r'(^|/)(__pycache__/|\.)')


@pytest.fixture(scope='module')
def built(tmp_path_factory) -> Path:
    """The package as setuptools builds it, outside the checkout."""
    target = tmp_path_factory.mktemp('build')
    command = ['setup.py', '-q', 'egg_info', '--egg-base', target, 'build', '--build-base', target]
    run = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return target


@pytest.fixture(scope='module')
def metadata(built):
    return Parser().parsestr((built / 'deft_mm.egg-info' / 'PKG-INFO').read_text(encoding='utf-8'))


def relative_files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file() and not IGNORED.search(path.relative_to(folder).as_posix())
    }


def test_built_package_has_every_file_of_the_source_package(built):
    source = relative_files(Path(deft_mm.__file__).parent)
    built_in = {f'assets/{name}/open_clip_config.json' for name in ('tiny_clip', 'tiny_clip_weak')}
    assert built_in | {'py.typed'} <= source
    assert relative_files(built / 'lib' / 'deft_mm') == source


def test_nothing_but_the_package_is_installed(built):
    assert [path.name for path in (built / 'lib').iterdir()] == ['deft_mm']
    assert not (built / 'deft_mm.egg-info' / 'entry_points.txt').exists()


def test_metadata_states_version_python_and_licence(metadata):
    assert metadata['Name'] == 'deft_mm'
    assert metadata['Version'] == __version__
    assert set(metadata['Requires-Python'].split(',')) == {'>=3.10', '<3.13'}
    assert 'Apache-2.0' in (metadata['License-Expression'] or metadata['License'])


def test_extras_are_the_two_stacks_what_is_optional_and_the_tests(metadata):
    extras = {'openmmlab', 'onedl', 'cleanlab', 'docs', 'export', 'tests'}
    assert set(metadata.get_all('Provides-Extra')) == extras


def test_requirements_are_those_of_the_files(metadata):
    def names(lines) -> set[str]:
        return {Requirement(line).name.lower().replace('_', '-') for line in lines}

    found = metadata.get_all('Requires-Dist')
    for file in ('runtime', 'openmmlab', 'onedl', 'cleanlab', 'docs', 'export', 'tests'):
        lines = (ROOT / 'requirements' / f'{file}.txt').read_text(encoding='utf-8').splitlines()
        mark = 'extra ==' if file == 'runtime' else f"extra == '{file}'"
        own = [line for line in found if (mark in line.replace('"', "'")) != (file == 'runtime')]
        assert names(own) == names(line for line in lines if line and line[0] != '#')


def test_citation_names_the_paper_as_the_readme_does():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    paper = citation['preferred-citation']
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    bibtex = dict(re.findall(r'^  (\w+)={(.*)},?$', readme, re.M))
    authors = [f'{each["family-names"]}, {each["given-names"]}' for each in paper['authors']]
    assert bibtex == dict(
        title=paper['title'],
        author=' and '.join(authors),
        booktitle=paper['collection-title'],
        year=str(paper['year']),
    )
    assert paper['url'] in readme


def test_changelog_begins_with_the_version_of_the_code():
    versions = re.findall(r'^## (\S+)', (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8'), re.M)
    assert versions[0] == __version__


def test_stack_is_never_a_hard_requirement(metadata):
    hard = [line for line in metadata.get_all('Requires-Dist') if 'extra ==' not in line]
    assert any(line.startswith('torch') for line in hard)
    assert not [line for line in hard if line.removeprefix('onedl-').startswith('mm')]


def test_licence_is_the_whole_apache_text(metadata):
    text = (ROOT / 'LICENSE').read_text(encoding='utf-8')
    assert 'Apache License' in text
    assert 'Version 2.0, January 2004' in text
    assert 'END OF TERMS AND CONDITIONS' in text
    assert metadata.get_all('License-File') == ['LICENSE']
