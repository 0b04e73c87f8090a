"""Make the page on which people look at a selection and decide which labels are wrong.

python tools/review.py work_dirs/clean/digits                  # a folder of clean.py or train.py
python tools/review.py --selection reviewed.csv --out review   # any selection file
python tools/review.py work_dirs/RUN --limit 2000 --single-file

It writes a folder (RUN/review, or --out) whose index.html a browser opens as it is: no server, no
network. Decisions stay in the browser until they are downloaded as corrections.csv, which
tools/apply_corrections.py, clean.py --corrections and train.py --corrections take.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_traceback_option

MOST_PIXELS, LEAST_PIXELS = 512, 16


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Make a page to review a selection on')
    parser.add_argument(
        'run', nargs='?', type=Path, help='work directory of clean.py, train.py or detect.py'
    )
    parser.add_argument(
        '--selection', type=Path, help='a selection file. Defaults to that of the work directory'
    )
    parser.add_argument(
        '--out', type=Path, help='folder of the page. Defaults to review, beside the selection'
    )
    parser.add_argument(
        '--config',
        help='config of the data set, for images that are no files. Defaults to that of the run',
    )
    parser.add_argument(
        '--thumb',
        type=int,
        default=96,
        help=f'width of a thumbnail in pixels, {LEAST_PIXELS} to {MOST_PIXELS}. Defaults to 96',
    )
    parser.add_argument(
        '--limit', type=int, help='samples on the page, the most doubtful ones. Defaults to all'
    )
    parser.add_argument(
        '--single-file',
        action='store_true',
        help='one file for everything, of 5,000 samples at most',
    )
    add_traceback_option(parser)
    args = parser.parse_args()
    if args.run is None and args.selection is None:
        parser.error('give a work directory, or --selection FILE')
    if not LEAST_PIXELS <= args.thumb <= MOST_PIXELS:
        parser.error(f'--thumb is {args.thumb}: give {LEAST_PIXELS} to {MOST_PIXELS} pixels')
    if args.limit is not None and args.limit < 1:
        parser.error(f'--limit is {args.limit}: give 1 or more samples')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets import dataset_fingerprint
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.engine.launch import read_config
from deft_mm.engine.work_folder import RESOLVED_CONFIG, config_in, locked_folder
from deft_mm.fileio import require_writable
from deft_mm.review import SINGLE_FILE_MOST, ImageSource, review_order, write_page
from deft_mm.selection import SampleTable, read_selection
from deft_mm.selection.sample_details import SampleDetails, details_file


def selection_of(args: argparse.Namespace) -> Path:
    """The selection file that is meant."""
    if args.selection is not None:
        return args.selection
    if not args.run.is_dir():
        raise FileNotFoundError(f"There is no work directory '{args.run}'.")
    hook = (config_in(args.run).get('default_hooks') or {}).get('noise_filter') or {}
    path = args.run / (hook.get('out_file') or 'selection.csv')
    if not path.is_file():
        given = hook.get('selection')
        hint = f'the run was given {given}, review that with' if given else 'give a file with'
        raise FileNotFoundError(
            f"The work directory '{args.run}' has no {path.name}: {hint} --selection FILE."
        )
    return path


def config_of(args: argparse.Namespace, folder: Path) -> Config:
    """The config whose training data the selection was made of."""
    path = args.config
    if path is None:
        # What tools/clean.py leaves is the config of the training that is to follow.
        resolved = folder / RESOLVED_CONFIG
        configs = [resolved] if resolved.is_file() else sorted(folder.glob('*.py'))
        if len(configs) != 1:
            raise FileNotFoundError(
                f"The images of the selection are no files, and '{folder}' has no config of a run: "
                'give that of their data set with --config CONFIG.'
            )
        path = str(configs[0])
    return read_config(path, {})


def dataset_of(cfg: Config, name: str) -> Any:
    """The training data of a config as they were before anything was selected."""
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    cfg = (cfg.get('train_dataloader') or {}).get('dataset')
    if cfg is None:
        raise ValueError(f'{name} has no train_dataloader.dataset: give another --config.')
    dataset = DATASETS.build(cfg)
    while isinstance(dataset, SelectionWrapper):
        dataset = dataset.dataset
    return dataset


def details_of(selection: Path, table: SampleTable, logger: MMLogger) -> SampleDetails:
    """What lies beside the selection, or beside the one that it was made of."""
    for path in (details_file(selection), details_file(selection.with_name('selection.csv'))):
        try:
            return SampleDetails.read(path, table)
        except FileNotFoundError:
            continue
        except ValueError as error:
            logger.warning(f'{error} The page goes without it.')
            break
    logger.info('There are no details of the selection: the page has no neighbours and top 5.')
    return SampleDetails()


def main(args: argparse.Namespace) -> None:
    logger = MMLogger.get_instance('review')
    selection = selection_of(args)
    out = args.out or selection.parent / 'review'
    require_writable(out, '--out', is_folder=True)
    table = read_selection(selection)
    order = review_order(table, args.limit)
    if args.single_file and len(order) > SINGLE_FILE_MOST:
        raise ValueError(
            f'--single-file takes {SINGLE_FILE_MOST} samples at most, and there are {len(order)}: '
            f'add --limit {SINGLE_FILE_MOST}, or leave it out.'
        )
    dataset = None
    if '' in table.img_path:
        dataset = dataset_of(config_of(args, selection.parent), args.config or 'The config')
        found = dataset_fingerprint(dataset)
        table.fingerprint.require_same(found, f"Selection file '{selection}'")
    images = ImageSource(table, dataset)
    details = details_of(selection, table, logger)
    title = args.run.resolve().name if args.run is not None else selection.stem
    with locked_folder(out, '--out'):
        page = write_page(out, table, details, order, images, title, args.thumb, args.single_file)
    logger.info(f'{len(order)} of {len(table)} samples: open {page.absolute()} in a browser.')


if __name__ == '__main__':
    run_tool(main, ARGS)
