"""Look at the samples of a config: images with their given and true labels, and a run's selection.

python tools/browse_dataset.py configs/deft/deft_digits_sym40.py --grid 4x8 --only-wrong
python tools/browse_dataset.py CONFIG --grid 4x8 \
    --selection work_dirs/deft_digits_sym40/selection.csv --filter rejected --sort clean_prob
python tools/browse_dataset.py CONFIG -m pipeline --indices 0 17

Without --grid, each sample is a file of its own, named after what is known of it. In the modes
original and transformed that is the bare image.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_cfg_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Look at the samples of a config')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--output-dir', '-o', help='folder for the images. Defaults to work_dirs/<config>/browse'
    )
    parser.add_argument(
        '--phase',
        '-p',
        default='train',
        choices=['train', 'val', 'test'],
        help="which of the config's data sets. Defaults to train",
    )
    parser.add_argument(
        '--mode',
        '-m',
        default='transformed',
        choices=['original', 'transformed', 'concat', 'pipeline'],
        help='the image as it is stored, as the pipeline gives it to the model, both side by side, '
        'or after each transform of the pipeline. Defaults to transformed',
    )
    parser.add_argument(
        '--show-number', '-n', type=positive, default=100, help='samples at most. Defaults to 100'
    )
    parser.add_argument(
        '--grid', type=grid_size, metavar='ROWSxCOLS', help='several samples a file, with captions'
    )
    parser.add_argument(
        '--selection', help="a run's selection.csv, for what it says of the samples"
    )
    parser.add_argument(
        '--filter',
        default='all',
        choices=['kept', 'rejected', 'all'],
        help='which part of the selection. Defaults to all',
    )
    parser.add_argument('--class-name', nargs='+', help='samples with one of these given labels')
    parser.add_argument('--indices', nargs='+', type=int, help='samples with these indices')
    parser.add_argument(
        '--only-wrong',
        action='store_true',
        help='samples with a wrong label, where true labels are known',
    )
    parser.add_argument(
        '--sort',
        default='index',
        choices=['index', 'clean_prob', 'random'],
        help='order of the samples; clean_prob: lowest first. Defaults to index',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the random order and of the pipeline'
    )
    add_cfg_options(parser)
    add_traceback_option(parser)
    return parser.parse_args()


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'a number from 1 on is needed, found {text!r}')
    return int(text)


def grid_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r'([1-9]\d*)[xX]([1-9]\d*)', text)
    if not match:
        raise argparse.ArgumentTypeError(f'ROWSxCOLS such as 4x8 is needed, found {text!r}')
    return int(match[1]), int(match[2])


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from mmpretrain.registry import DATASETS
from PIL import Image

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets.unreadable_image import UnreadableImageError
from deft_mm.detection.data_source import preprocessor_of
from deft_mm.engine.launch import read_config
from deft_mm.engine.options import read_options
from deft_mm.fileio import require_writable, write_atomically
from deft_mm.visualization import (
    LabelledSamples,
    SampleView,
    Tile,
    draw_grid,
    sample_views,
)

# In place of an image that can't be read.
BLANK = np.full((32, 32, 3), 230, dtype=np.uint8)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config file and fill in where the data are."""
    # With a model that leaves the number of classes open, a user's images would be read twice.
    cfg = read_config(args.config, args.cfg_options)
    if (cfg.get(f'{args.phase}_dataloader') or {}).get('dataset') is None:
        raise ValueError(
            f'{args.config} has no {args.phase}_dataloader.dataset: choose another --phase.'
        )
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    return cfg


def views_of(dataset: Any, idx: int, mode: str, to_rgb: bool) -> list[SampleView]:
    """Views of a sample; a blank where its image can't be read, which is printed."""
    try:
        return sample_views(dataset, idx, mode, to_rgb)
    except UnreadableImageError as error:
        path = dataset.get_data_info(idx).get('img_path', 'no file')
        print(f"image '{path}' (sample {idx}) cannot be read: {error}")
        return [SampleView('cannot be read', BLANK)]


def tiles_of(
    dataset: Any, samples: LabelledSamples, indices: Sequence[int], mode: str, to_rgb: bool
) -> Iterator[Tile]:
    for idx in indices:
        views = views_of(dataset, idx, mode, to_rgb)
        yield Tile(views, samples.caption(idx), samples.is_kept(idx))


def sample_files(
    samples: LabelledSamples,
    indices: Sequence[int],
    tiles: Iterator[Tile],
    args: argparse.Namespace,
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of one file a sample."""
    for rank, (idx, tile) in enumerate(zip(indices, tiles, strict=True)):
        # So that the alphabetical order of the names is the order asked for.
        prefix = '' if args.sort == 'index' else f'{rank:0{len(str(len(indices) - 1))}d}_'
        bare = args.mode in ('original', 'transformed')
        content = to_png(tile.views[0].image) if bare else draw_grid([tile], 1, 1)
        yield f'{prefix}{samples.file_stem(idx)}.png', content


def grid_files(
    num_shown: int, tiles: Iterator[Tile], args: argparse.Namespace, title: str
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of one file a page."""
    rows, cols = args.grid
    num_pages = -(-num_shown // (rows * cols))
    for page in range(1, num_pages + 1):
        on_page = list(islice(tiles, rows * cols))
        content = draw_grid(on_page, rows, cols, f'{title}, page {page} of {num_pages}')
        yield f'grid_{page}_of_{num_pages}.png', content


def to_png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, 'PNG')
    return file.getvalue()


def main(args: argparse.Namespace) -> None:
    read_options(args)
    name = Path(args.config).stem
    folder = Path(args.output_dir or Path('work_dirs') / name / 'browse')
    require_writable(folder, '--output-dir', is_folder=True)
    cfg = load_config(args)
    dataset = DATASETS.build(cfg[f'{args.phase}_dataloader'].dataset)
    samples = LabelledSamples.of(dataset, args.selection)
    chosen = samples.choose(
        args.filter, args.class_name, args.indices, args.only_wrong, args.sort, args.seed
    ).tolist()
    shown = chosen[: args.show_number]
    counts = f'{len(shown)} of {len(chosen)} samples chosen from {len(samples)}'

    set_random_seed(args.seed)
    to_rgb = bool(preprocessor_of(cfg).get('to_rgb'))
    tiles = tiles_of(dataset, samples, shown, args.mode, to_rgb)
    if args.grid is None:
        files = sample_files(samples, shown, tiles, args)
    else:
        frames = '' if args.selection is None else ', blue: kept, orange: rejected'
        title = f'{name}, {args.phase}, {args.mode}: {counts}{frames}'
        files = grid_files(len(shown), tiles, args, title)
    num_files = 0
    for file_name, content in files:
        write_atomically(content, folder / file_name)
        num_files += 1
    print(f'{counts}: {num_files} {"file" if num_files == 1 else "files"} in {folder}')


if __name__ == '__main__':
    run_tool(main, ARGS)
