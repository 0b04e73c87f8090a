"""What tests of two processes run in each of them, which must be able to import it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmpretrain.registry import MODELS
from torch import nn
from torch.nn import functional as F

from deft_mm.datasets import DigitsDataset, ImageFolderDataset, LabelNoise, NoisyLabelDataset
from deft_mm.datasets.own_images import image_check
from deft_mm.engine.launch import prepare_environment
from deft_mm.main_process import on_main_process
from tools import train


class CountedNoise(LabelNoise):
    """Draws other labels in each process, and counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, labels, num_classes, dataset=None):
        self.calls += 1
        return (labels + 1 + int(os.environ['RANK'])) % num_classes


def read_in_process(rank: int, folder: str) -> None:
    """Read a folder, draw noise and fail, in one of two processes; note what came out."""
    torch.distributed.init_process_group('gloo')
    noise = CountedNoise()
    found = dict(
        folder=_read_folder(f'{folder}/images'),
        labels=NoisyLabelDataset(DigitsDataset(indices=9), noise).given_labels.tolist(),
        draws=noise.calls,
        other_files=_error_of(lambda: ImageFolderDataset(f'{folder}/images of {rank}')),
        failure=_error_of(lambda: on_main_process(_fail)),
        result=on_main_process(lambda: rank),
    )
    Path(folder, f'{rank}.json').write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


def _read_folder(root: str) -> dict:
    decoded = []
    decode = image_check.decode_image

    def count(content):
        decoded.append(len(content))
        return decode(content)

    image_check.decode_image = count
    train, val = (ImageFolderDataset(root, split) for split in ('train', 'val'))
    image_check.decode_image = decode
    return dict(
        decoded=len(decoded),
        paths=[train.get_data_info(idx)['img_path'] for idx in range(len(train))],
        num_val=len(val),
        problems=[str(problem) for problem in train.report.problems],
    )


class _UnpicklableError(ValueError):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.cause = lambda: text


def _fail() -> None:
    raise _UnpicklableError(f'no such thing in process {os.environ["RANK"]}')


def _error_of(act) -> str:
    try:
        act()
    except Exception as error:
        return f'{type(error).__name__}: {error}'
    return 'none'


@MODELS.register_module()
class SpoiledLoss(nn.Module):
    """Cross entropy that is not a number in some calls, or whose gradients are not, in one process
    or in all."""

    def __init__(self, calls: list[int], rank: int | None = None, gradients: bool = False) -> None:
        super().__init__()
        self.calls, self.rank, self.gradients, self.called = calls, rank, gradients, 0

    def forward(self, cls_score, target, weight=None, avg_factor=None, **kwargs):
        loss = F.cross_entropy(cls_score, target)
        if torch.is_grad_enabled():
            self.called += 1
            if self.called in self.calls and self.rank in (None, get_rank()):
                if not self.gradients:
                    return loss * float('nan')
                cls_score.register_hook(lambda gradient: gradient * float('inf'))
        return loss


def error_in_process(rank: int, folder: str) -> None:
    """Train the config of a folder in one of two processes, and note how that ends."""
    sys.argv = ['train.py', f'{folder}/config.py', '--launcher', 'pytorch']
    args = train.parse_args()
    prepare_environment(args.local_rank)
    Path(folder, f'{rank}.txt').write_text(_error_of(lambda: train.train(args)))
    # Not by way of a collective, which would hide a process that is waiting.
    os._exit(0)
