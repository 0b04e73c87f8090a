"""The mistakes of docs/faq.md, made with the commands that stand there, end as it says."""

import re
import shlex
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

from deft_mm.command_line import run_tool
from runner_utils import REPO
from tests.test_docs.pages import DOCS, blocks
from tool_utils import tool

TEXT = (DOCS / 'faq.md').read_text(encoding='utf-8')
BLOCKS = blocks(TEXT)
# a Bash block, and the block of text after it
MISTAKES = [
    (command.strip().splitlines(), sentence.strip())
    for (_, command), (language, sentence) in zip(BLOCKS[:-1], BLOCKS[1:], strict=True)
    if language == 'text'
]
# What an earlier entry leaves behind.
BEFORE = {'test.py': 'python tools/train.py configs/ce/ce_digits_sym40.py --work-dir run'}


def test_every_block_belongs_to_a_mistake():
    assert [language for language, _ in BLOCKS] == ['bash', 'text'] * len(MISTAKES)
    assert len(MISTAKES) >= 12


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / 'configs').symlink_to(REPO / 'configs')
    (tmp_path / 'list.csv').write_text('file,class\na.png,cat\n')
    draw = np.random.RandomState(0)
    for name in ('cat', 'dog'):
        (tmp_path / 'small' / name).mkdir(parents=True)
        for i in range(12):
            image = draw.randint(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(image).save(tmp_path / 'small' / name / f'{i}.png')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('lines', 'sentence'), MISTAKES, ids=[line[-1][13:60] for line, _ in MISTAKES]
)
def test_a_mistake_ends_with_its_sentence(lines, sentence, folder, monkeypatch, capsys):
    *before, last = lines
    name, *arguments = _parts(last)
    if name in BEFORE:
        before = [f'{BEFORE[name]} --cfg-options train_cfg.max_epochs=1']
    for line in before:
        tool(monkeypatch, *_parts(line))

    def fail(args):
        raise error.value

    with pytest.raises((ValueError, TypeError, OSError)) as error:
        tool(monkeypatch, name, *arguments)
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run_tool(fail, Namespace(traceback=False))
    assert end.value.code == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    told = re.sub(r'^\S+: ', f'{name}: ', told.replace(str(folder), '/path/to'))
    assert told == sentence


def _parts(line: str) -> list[str]:
    _, path, *arguments = shlex.split(line)
    return [path.removeprefix('tools/'), *arguments]
