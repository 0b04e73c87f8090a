"""What the documentation leads to is there: files, headings, tools, their options, configs."""

import re
import shlex

import pytest

from runner_utils import REPO
from tests.test_docs.pages import commands, pages

PAGES = pages()
FENCED = re.compile(r'^(```|~~~).*?^\1', re.M | re.S)


def prose(path) -> str:
    return FENCED.sub('', path.read_text(encoding='utf-8'))


def anchors(path) -> set[str]:
    """What headings are called in addresses, by GitHub and by mkdocs."""
    titles = re.findall(r'^#+ (.*)$', prose(path), re.M)
    words = [re.sub(r'[^\w\- ]', '', title.lower()) for title in titles]
    return {each.replace(' ', '-') for each in words}


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(REPO)))
def test_links_lead_somewhere(path):
    for target in re.findall(r'\]\(([^)\s]+)\)', prose(path)):
        file, _, anchor = target.partition('#')
        # The reference is made with the site, which is built strictly.
        if '://' in file or file.startswith('reference/'):
            continue
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert there.is_relative_to(REPO.resolve()), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize('path', PAGES, ids=lambda path: str(path.relative_to(REPO)))
def test_commands_name_tools_options_and_configs_that_there_are(path):
    for command in commands(path.read_text(encoding='utf-8')):
        tool = re.search(r'(?:tools|benchmarks)/[\w/]+\.(?:py|sh)', command)
        if tool is None:
            continue
        assert (REPO / tool[0]).is_file(), command
        source = (REPO / tool[0]).read_text() + _SHARED_OPTIONS
        for option in re.findall(r'(?<=\s)--[a-z][\w-]*', command[tool.end() :]):
            assert f'{option}' in source, f'{option}: {command}'
        for name in re.findall(r'(?<![\w/])configs/[\w/]+\.(?:py|yml)', command):
            assert (REPO / name).is_file() or '/brier/' in name, command


# Options that tools take from one place in the package, or that train.py gets from a shell script.
_SHARED_OPTIONS = ''.join(
    path.read_text()
    for path in (
        REPO / 'deft_mm/command_line.py',
        *(REPO / 'deft_mm/engine').glob('*.py'),
        *(REPO / 'deft_mm/detection').glob('*.py'),
        REPO / 'tools/train.py',
    )
)


def test_the_readme_is_short_and_leads_to_every_page():
    text = (REPO / 'README.md').read_text(encoding='utf-8')
    assert len(text.splitlines()) <= 150
    missing = [
        path.name for path in (REPO / 'docs').glob('*.md') if f'(docs/{path.name}' not in text
    ]
    assert not missing


def test_the_navigation_of_the_site_has_every_page():
    text = (REPO / 'mkdocs.yml').read_text(encoding='utf-8')
    for path in (REPO / 'docs').glob('*.md'):
        assert re.search(rf': {re.escape(path.name)}$', text, re.M), path.name


def test_the_steps_from_images_to_predictions_stand_in_their_order():
    text = (REPO / 'README.md').read_text(encoding='utf-8')
    own = text[text.index('## Your own images') :]
    tools = [shlex.split(line)[1].partition('/')[2] for line in commands(own)]
    assert tools[:6] == [
        *('clean.py', 'review.py', 'apply_corrections.py', 'clean.py', 'train.py', 'predict.py'),
    ]
