"""Reading the documentation: its pages, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

from runner_utils import REPO

DOCS = REPO / 'docs'
_BLOCK = re.compile(r'^```(\w+)\n(.*?)^```$', re.M | re.S)


def pages() -> list[Path]:
    """All Markdown files that belong to the repository."""
    folders = ('docs', 'configs', 'benchmarks', 'deft_mm')
    nested = [path for folder in folders for path in (REPO / folder).rglob('*.md')]
    return sorted([*REPO.glob('*.md'), *nested])


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of each fenced block, in their order."""
    return _BLOCK.findall(text)


def commands(text: str) -> list[str]:
    """The lines of the Bash blocks, continued ones joined, comments and here-documents left out."""
    found, until = [], None
    for language, content in blocks(text):
        for line in content.replace('\\\n', ' ').splitlines() if language == 'bash' else ():
            if until is not None:
                until = None if line == until else until
                continue
            here = re.search(r"<<'(\w+)'", line)
            until = here[1] if here else None
            line = re.sub(r'(^|\s+)#\s.*', '', line)
            if line.strip():
                found.append(line.strip())
    return found


def section(text: str, title: str) -> str:
    """What stands under a heading of the second level."""
    (found,) = re.findall(rf'^## {re.escape(title)}\n(.*?)(?=^## |\Z)', text, re.M | re.S)
    return found
