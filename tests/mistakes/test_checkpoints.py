"""Checkpoints that there are not, that are none, or that are of something else."""

import pytest
import torch

from mistakes.rows import DIGITS, PLAIN, rows


def with_file(content, *command):
    """Run with x.pth of this content beside."""

    def written(folder):
        if isinstance(content, bytes):
            (folder / 'x.pth').write_bytes(content)
        else:
            torch.save(content, folder / 'x.pth')
        return list(command)

    return written


TEST = ('test.py', DIGITS, 'x.pth', '--work-dir', 'run')
DETECT = ('detect.py', DIGITS, 'x.pth', '--out', 'found.csv')
RESUME = ('train.py', DIGITS, '--work-dir', 'run', '--resume', 'x.pth')
PLAIN_RESUME = ('train.py', PLAIN, '--work-dir', 'run', '--resume', 'x.pth')
WEIGHT = torch.zeros(3)
OTHER = {'state_dict': {'no.such.layer': torch.zeros(3)}, 'meta': {}}


@rows(
    ('missing, test', TEST, r'^test\.py: Checkpoint x\.pth does not exist'),
    ('missing, detect', DETECT, r'^detect\.py: .*x\.pth does not exist'),
    ('missing, resume', RESUME, r'^train\.py: --resume: checkpoint x\.pth does not exist'),
    ('empty, test', with_file(b'', *TEST), r'^test\.py: .*x\.pth'),
    ('empty, detect', with_file(b'', *DETECT), r'^detect\.py: .*x\.pth'),
    ('empty, resume', with_file(b'', *RESUME), r'^train\.py: .*x\.pth'),
    ('a text, test', with_file(b'weights', *TEST), r'^test\.py: .*x\.pth'),
    ('a text, detect', with_file(b'weights', *DETECT), r'^detect\.py: .*x\.pth'),
    ('a text, resume', with_file(b'weights', *RESUME), r'^train\.py: .*x\.pth'),
    ('another model, test', with_file(OTHER, *TEST), r'^test\.py: .*x\.pth'),
    ('another model, detect', with_file(OTHER, *DETECT), r'^detect\.py: .*x\.pth'),
    ('a tensor, test', with_file(WEIGHT, *TEST), r'x\.pth is none: it holds a Tensor'),
    ('a tensor, detect', with_file(WEIGHT, *DETECT), r'x\.pth is none: it holds a Tensor'),
    ('a tensor, resume', with_file(WEIGHT, *RESUME), r'x\.pth is none: it holds a Tensor'),
    ('a list, test', with_file([WEIGHT], *TEST), r'x\.pth is none: it holds a list'),
    ('no weights', with_file({'state_dict': 5}, *TEST), r'x\.pth is none: it holds a dict'),
    ('weights alone, resume', with_file({'w': WEIGHT}, *RESUME), r'^train\.py: .*--resume'),
    ('weights alone, plain', with_file({'w': WEIGHT}, *PLAIN_RESUME), r'^train\.py: .*x\.pth'),
    ('of nothing, detect', with_file({}, *DETECT), r'^detect\.py: .*x\.pth'),
)
def test_checkpoint(command, sentence, ends_with, folder):
    ends_with(command, sentence)
    assert not (folder / 'found.csv').exists()


def test_device_that_there_is_not(ends_with):
    if torch.cuda.is_available():
        pytest.skip('there is one')
    command = ['detect.py', DIGITS, '--clip-only', '--out', 'x.csv', '--device', 'cuda']
    ends_with(command, r'^detect\.py: --device cuda cannot be used: ')
