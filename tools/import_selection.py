"""Write a selection of what others' code keeps: a list of indices, a mask, or scores.

python tools/import_selection.py CONFIG --kept clean_idx.npy --out unicon.csv
python tools/import_selection.py CONFIG --kept prob.npz --name prob1 --threshold 0.5
python tools/train.py CONFIG --cfg-options default_hooks.noise_filter.selection=unicon.csv

In the paper RoLT, UNICON, LongReMix and ProMix were compared so: each kept samples with its own
code, and CLIP was fine-tuned on these. Indices are those of the training set of CONFIG, in its
order, from 0 on; the labels, noise and all, have to be those that the other code had.

The file is .txt or .csv (numbers, or columns with a header), .json (a list), .npy or .npz. A list
of as many values 0 and 1 as there are samples is a mask. Pickled files (.pt, .pkl, arrays of
objects) are refused.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_cfg_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write a selection of what others' code keeps")
    parser.add_argument('config', help='config file whose training data the list is of')
    parser.add_argument('--kept', type=Path, required=True, metavar='FILE', help='what is kept')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('selection.csv'),
        help='selection file, .csv or .parquet. Defaults to selection.csv',
    )
    parser.add_argument(
        '--threshold', type=float, help='the file holds scores: keep what is above this one'
    )
    parser.add_argument('--name', help='which array, column or key of the file, if it has several')
    parser.add_argument('--one-based', action='store_true', help='indices are counted from 1')
    parser.add_argument(
        '--unique', action='store_true', help='indices that stand there several times count once'
    )
    parser.add_argument(
        '--method', help="what the selection file calls the method. Defaults to the file's name"
    )
    add_cfg_options(parser)
    add_traceback_option(parser)
    args = parser.parse_args()
    if args.threshold is not None:
        if not math.isfinite(args.threshold):
            parser.error(f'--threshold is {args.threshold}: give a number')
        if args.one_based or args.unique:
            parser.error('--one-based and --unique are for indices, --threshold is for scores')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import numpy as np
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets import clean_labels_of, sample_table_of
from deft_mm.detection import require_own, require_selection_place, warn_of_extremes
from deft_mm.engine.launch import read_config
from deft_mm.engine.options import read_options
from deft_mm.evaluation import SelectionReport
from deft_mm.selection import is_edited, write_selection
from deft_mm.selection.exchange import read_kept
from deft_mm.user_file import open_file


def check_files(args: argparse.Namespace) -> None:
    """Refuse what could not be read or written, or would be lost, before data are read."""
    try:
        open_file(args.kept).close()
    except ValueError as error:
        raise ValueError(f"--kept '{args.kept}': {error}.") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"--kept: there is no file '{args.kept}'.") from error
    require_selection_place(args.out, '--out')
    if args.out.exists() and is_edited(args.out):
        raise ValueError(
            f"--out '{args.out}' holds what a person has decided, which would be lost: give "
            'another name.'
        )


def main(args: argparse.Namespace) -> None:
    logger = MMLogger.get_instance('import_selection')
    read_options(args)
    check_files(args)
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    data = (cfg.get('train_dataloader') or {}).get('dataset')
    if data is None:
        raise ValueError(f'{args.config} has no train_dataloader.dataset: give another config.')
    dataset = DATASETS.build(data)
    samples = sample_table_of(dataset)
    require_own(args.out, samples, 'Give another --out.')
    kept, score = read_kept(
        args.kept, len(samples), args.threshold, args.name, args.one_based, args.unique
    )
    table = samples.with_columns(
        kept=kept,
        score=np.full(len(samples), np.nan) if score is None else score,
        method=args.method or args.kept.stem,
        config=Path(args.config).name,
    )
    warn_of_extremes(table)
    write_selection(args.out, table)
    lines = [
        f'  {SelectionReport(table, clean_labels_of(dataset)).to_line()}',
        f'  {"written":10} {args.out}',
        f'  {"stage 2":10} --cfg-options default_hooks.noise_filter.selection={args.out}',
    ]
    logger.info('\n'.join(['Summary', *lines]))


if __name__ == '__main__':
    run_tool(main, ARGS)
