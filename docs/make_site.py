"""What the site has beside the pages of this folder; mkdocs runs it (`hooks` in mkdocs.yml).

Pages elsewhere in the repository are taken as they are, and the reference is made of the docstrings
of all classes that a config can name. Nothing is imported, nor written into the checkout.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
DOCS = 'docs/'
PATTERNS = ('CONTRIBUTING.md', 'CHANGELOG.md', 'benchmarks/README.md', 'configs/**/README.md')
# Title of a page, and the folders of the package whose classes it has; the innermost decides.
REFERENCE = {
    'Losses': ['models/losses'],
    'Selectors': ['selection'],
    'Noise': ['datasets/noise'],
    'Data sets and what stands around them': ['datasets'],
    'Transforms': ['datasets/transforms'],
    'Detectors and classifiers': ['models'],
    'Hooks': ['engine/hooks'],
    'Training and evaluation': ['engine', 'evaluation', 'visualization'],
}
FUNCTIONS = [
    'deft_mm.selection.find_wrong_labels.find_wrong_labels',
    'deft_mm.selection.selection_file.read_selection',
    'deft_mm.selection.selection_file.write_selection',
    'deft_mm.selection.sample_table.SampleTable',
    'deft_mm.comparison.plan.plan_runs',
    'deft_mm.comparison.plan.read_plan',
]
LINK = re.compile(r'\[([^\]]*)\]\(([^)\s]+)\)')


def outside_pages() -> list[str]:
    """Pages that are not in docs/, by their path in the repository."""
    return sorted(
        path.relative_to(ROOT).as_posix() for pattern in PATTERNS for path in ROOT.glob(pattern)
    )


def registered_classes() -> Iterator[tuple[str, str]]:
    """Folder within the package, and dotted path, of every registered class."""
    package = ROOT / 'deft_mm'
    for path in sorted(package.rglob('*.py')):
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if isinstance(node, ast.ClassDef) and any(map(_registers, node.decorator_list)):
                module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
                yield path.parent.relative_to(package).as_posix(), f'{module}.{node.name}'


def _registers(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(
        '.register_module'
    )


def reference_pages() -> dict[str, str]:
    """The pages of the reference: Markdown by path."""
    titles = {folder: title for title, folders in REFERENCE.items() for folder in folders}
    pages: dict[str, list[str]] = {title: [] for title in REFERENCE}
    for folder, name in registered_classes():
        parts = folder.split('/')
        within = ['/'.join(parts[:n]) for n in range(len(parts), 0, -1)]
        (title, *_) = [titles[each] for each in within if each in titles]
        pages[title].append(name)
    pages['Functions'] = FUNCTIONS
    found, lines = {}, []
    for title, names in pages.items():
        uri = f'{title.split()[0].lower()}.md'
        found[f'reference/{uri}'] = '\n\n'.join([f'# {title}', *(f'::: {name}' for name in names)])
        words = ', '.join(f'`{name.rpartition(".")[2]}`' for name in names)
        lines.append(f'| [{title}]({uri}) | {words} |')
    about = 'Every class that a config can name with `type`, and what Python code calls.'
    table = '\n'.join(['| page | what it has |', '|---|---|', *lines])
    return {'reference/index.md': f'# Reference\n\n{about}\n\n{table}', **found}


def on_config(config):
    """Put the pages of two folders into the navigation, which knows files only."""
    folders = {'configs/': outside_pages(), 'reference/': list(reference_pages())}

    def filled(entry):
        if isinstance(entry, dict):
            return {title: filled(value) for title, value in entry.items()}
        if isinstance(entry, list):
            return [filled(each) for each in entry]
        pages = [page for page in folders.get(entry, ()) if page.startswith(entry)]
        return pages or entry

    config.nav = filled(config.nav)
    return config


def on_files(files, config):
    """Add the pages that are not in docs/."""
    pages = {uri: (ROOT / uri).read_text(encoding='utf-8') for uri in outside_pages()}
    for uri, content in (pages | reference_pages()).items():
        files.append(File.generated(config, uri, content=content))
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Let links between files of the repository lead to their pages; others become plain text."""
    uri = page.file.src_uri
    if uri.startswith('reference/'):
        return markdown
    outside = set(outside_pages())
    here = uri if uri in outside else DOCS + uri

    def link(match: re.Match) -> str:
        text, target = match.groups()
        path, mark, anchor = target.partition('#')
        if not path or '://' in path or (here.startswith(DOCS) and path.startswith('reference/')):
            return match[0]
        there = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
        if not os.path.exists(ROOT / there):
            return match[0]  # for mkdocs to complain about
        there = f'{DOCS}index.md' if there == 'README.md' else there
        if there not in outside and not there.startswith(DOCS):
            return text
        there = there.removeprefix(DOCS)
        return f'[{text}]({posixpath.relpath(there, posixpath.dirname(uri) or ".")}{mark}{anchor})'

    return LINK.sub(link, markdown)
