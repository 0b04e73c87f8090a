"""Classify images with a trained classifier.

python tools/predict.py work_dirs/RUN/epoch_20.pth image.jpg another.jpg
python tools/predict.py work_dirs/RUN/epoch_20.pth path/to/images        # every image below
python tools/predict.py work_dirs/RUN/epoch_20.pth list.txt              # a path a line; or .csv

The config is that of the run, config.json beside the checkpoint; images are brought to size as in
its validation. One row an image is written to predictions.csv (--out): its path, and the most
probable classes with their probabilities. An image that can't be read has an empty row, and the log
says why. Of DeFT's checkpoints those of stage 2 have a classifier.

Several processes: python tools/launch.py --nproc_per_node=8 tools/predict.py ... --launcher pytorch
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import (
    add_cfg_options,
    add_pass_options,
    add_traceback_option,
    check_pass_options,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Classify images')
    parser.add_argument('checkpoint', help='checkpoint of a trained classifier')
    parser.add_argument(
        'images', nargs='+', help='image files, folders, or lists of paths (.txt, .csv)'
    )
    parser.add_argument('--config', help='defaults to the config.json beside the checkpoint')
    parser.add_argument(
        '--out', type=Path, default=Path('predictions.csv'), help='defaults to %(default)s'
    )
    parser.add_argument(
        '--top-k', type=int, default=5, help='how many classes of each image. Defaults to 5'
    )
    add_pass_options(parser, "those of the config's validation")
    add_cfg_options(parser, 'config keys')
    add_traceback_option(parser)
    args = parser.parse_args()
    check_pass_options(parser, args)
    if args.top_k < 1:
        parser.error(f'--top-k is {args.top_k}: give 1 or more')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.csv_cells import to_csv
from deft_mm.datasets import sample_table_of
from deft_mm.detection import (
    config_of_checkpoint,
    file_model,
    find_images,
    load_checkpoint,
    loader_sizes,
    usable_device,
)
from deft_mm.engine.float32_precision import set_float32_precision
from deft_mm.engine.launch import (
    amp_dtype,
    join_processes,
    run_process,
)
from deft_mm.engine.options import read_options
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.engine.select import precision_of
from deft_mm.fileio import require_writable, write_atomically
from deft_mm.selection import SampleTable
from deft_mm.user_file import begins_with

HEADER = ('img_path', 'class_1', 'prob_1')


def check_out(path: Path) -> None:
    """Refuse to write over what is no table of predictions."""
    if path.suffix != '.csv' or path.is_dir():
        raise ValueError(f"--out '{path}': give the name of a .csv file.")
    require_writable(path, '--out')
    if path.exists() and not begins_with(path, ','.join(HEADER)):
        raise ValueError(f"--out '{path}' exists and holds no predictions: give another name.")


def predict(args: argparse.Namespace, cfg: Config, paths: list[str]) -> SampleTable:
    """Classify the images: a table with the probabilities of all classes, as (N, C) ``probs``."""
    source = f'Checkpoint {args.checkpoint}'
    found = file_model(cfg, load_checkpoint(args.checkpoint), paths, source)
    amp = getattr(torch, amp_dtype(cfg)) if args.amp else None
    with precision_of(None, amp):
        return score_samples(
            found.model.to(args.device),
            found.dataset,
            sample_table_of(found.dataset),
            found.transforms,
            needs=('probs',),
            skip_unreadable=True,
            **loader_sizes(args, cfg.get('val_dataloader') or {}),
        )


def to_rows(table: SampleTable, top_k: int) -> list[list]:
    """The rows of the file, a header first."""
    top_k = min(top_k, len(table.class_names))
    more = [f'{name}_{rank}' for rank in range(2, top_k + 1) for name in ('class', 'prob')]
    rows = [[*HEADER, *more]]
    best_NK = np.argsort(-table.probs, axis=1, kind='stable')[:, :top_k]
    for path, probs_C, best_K, seen in zip(
        table.img_path, table.probs, best_NK, table.readable, strict=True
    ):
        cells = [(table.class_names[k], float(f'{probs_C[k]:.6f}')) for k in best_K]
        rows.append([path, *(sum(cells, ()) if seen else [None] * (2 * top_k))])
    return rows


def run(args: argparse.Namespace) -> None:
    read_options(args)
    cfg = config_of_checkpoint(args.checkpoint, args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    join_processes(args.launcher, cfg)
    logger = MMLogger.get_instance('predict')
    check_out(args.out)
    paths = find_images(args.images)
    args.device = usable_device(args.device)
    float32 = set_float32_precision(cfg.get('env_cfg'))
    if float32 is not None:
        logger.info(float32)
    table = predict(args, cfg, paths)
    if is_main_process():
        write_atomically(to_csv(to_rows(table, args.top_k)).encode(), args.out)
        logger.info(f'{int(table.readable.sum())} of {len(table)} images classified: {args.out}')


def main(args: argparse.Namespace) -> None:
    run_process(run, args)


if __name__ == '__main__':
    run_tool(main, ARGS)
