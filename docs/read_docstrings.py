"""Docstrings as Markdown: mkdocstrings reads Google's sections, not Sphinx's markup in them."""

from __future__ import annotations

import re
import textwrap

from griffe import Extension

ROLE = re.compile(r':(?:class|func|meth|mod|attr):`(?:~(?:[\w.]*\.)?)?([^`]+)`')
MATH = re.compile(r':math:`([^`]+)`')
ADDRESS = re.compile(r'`([^`<]+?)\s*<([^>`]+)>`_+')
BLOCK = re.compile(
    r'^(?P<indent> *)\.\. (?P<kind>code|code-block|math)::[ ]*(?P<word>\w*)\n'
    r'(?P<body>(?:(?P=indent) +\S.*\n|[ ]*\n)+)',
    re.M,
)
LITERAL = re.compile(
    r'^(?P<indent> *)(?P<lead>\S.*?)::\n(?P<body>(?:(?P=indent) +\S.*\n|[ ]*\n)+)', re.M
)


def to_markdown(text: str) -> str:
    """Write Sphinx's roles, addresses and blocks as Markdown.

    Args:
        text (str): A docstring, cleaned.

    Returns:
        str: The same in Markdown.
    """
    text = BLOCK.sub(
        lambda m: _fenced(m, 'python' if m['kind'] != 'math' else 'latex'), f'{text}\n'
    )
    text = LITERAL.sub(lambda m: f'{m["indent"]}{m["lead"]}:\n\n{_fenced(m, "text")}', text)
    text = ADDRESS.sub(lambda m: f'[{" ".join(m[1].split())}]({m[2]})', text)
    text = MATH.sub(r'`\1`', ROLE.sub(r'`\1`', text))
    return text.replace('``', '`').rstrip()


def _fenced(match: re.Match, language: str) -> str:
    indent, body = match['indent'], textwrap.dedent(match['body']).strip('\n')
    lines = [f'~~~{language}', *body.splitlines(), '~~~']
    return ''.join(f'{indent}{line}'.rstrip() + '\n' for line in lines) + '\n'


class MarkdownDocstrings(Extension):
    """Gives mkdocstrings the docstrings in Markdown."""

    def on_object(self, *, obj, **kwargs) -> None:
        """Rewrite the docstring of an object that was read."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)
