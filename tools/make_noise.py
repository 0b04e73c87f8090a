"""Draw the label noise of a config: print what came out, keep it in a file, plot it.

python tools/make_noise.py configs/deft/deft_digits_sym40.py
python tools/make_noise.py CONFIG --out data/noise/x.npz --plot x.png
python tools/make_noise.py CONFIG --cfg-options train_dataloader.dataset.noise.ratio=0.2

A config takes the file as train_dataloader.dataset.noise_file='data/noise/x.npz'. The realised rate
is below the requested ratio where a model may draw the true class again, or leaves classes alone.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_cfg_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw a config's label noise")
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--out', help="noise file (.npz) to write, or to check. Defaults to the config's, if any"
    )
    parser.add_argument('--plot', help='image file (.png, .pdf, ...) for the transition matrix')
    add_cfg_options(parser)
    add_traceback_option(parser)
    return parser.parse_args()


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmpretrain.registry import DATASETS

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets import NoisyLabelDataset, class_names_of, transition_matrix
from deft_mm.engine.config_walk import datasets_in
from deft_mm.engine.launch import read_config
from deft_mm.engine.options import read_options
from deft_mm.fileio import require_writable, write_atomically

# A matrix of more classes is summed up.
MAX_PRINTED_CLASSES = 12
TOP_PAIRS = 10


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse files that could not be written, before anything is computed."""
    if args.out is not None and not Path(args.out).is_file():  # else it is only checked
        require_writable(args.out, '--out')
    if args.plot is None:
        return
    formats = FigureCanvasBase.get_supported_filetypes()
    if Path(args.plot).suffix.lower() not in ('', *(f'.{name}' for name in formats)):
        raise ValueError(
            f"--plot '{args.plot}' is no image file: give a name in .{', .'.join(formats)}."
        )
    require_writable(args.plot, '--plot')


def noisy_dataset_cfg(cfg: Config) -> ConfigDict:
    """Find the NoisyLabelDataset of the training set, which may be within wrappers.

    Raises:
        ValueError: If there is none, or it adds no noise.
    """
    noisy = (
        dataset
        for _, dataset in datasets_in(cfg, ['train_dataloader'])
        if dataset['type'] == 'NoisyLabelDataset' and dataset.get('noise') is not None
    )
    dataset = next(noisy, None)
    if dataset is None:
        raise ValueError(
            f"{cfg.filename} adds no noise: its training set needs a type='NoisyLabelDataset' with "
            "noise=dict(type='SymmetricNoise', ratio=0.4), or another noise model."
        )
    return dataset


def load_dataset(args: argparse.Namespace) -> tuple[NoisyLabelDataset, bool]:
    """Build the noisy training set; tell also whether its noise file was there before."""
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    dataset_cfg = noisy_dataset_cfg(cfg)
    if args.out is not None:
        dataset_cfg.noise_file = args.out
    noise_file = dataset_cfg.get('noise_file')
    existed = noise_file is not None and Path(noise_file).exists()
    return DATASETS.build(dataset_cfg), existed


def summary(dataset: NoisyLabelDataset) -> list[str]:
    """Describe the noise: rates, transition matrix."""
    class_names = class_names_of(dataset)
    clean, noisy = dataset.clean_labels, dataset.given_labels
    matrix = transition_matrix(clean, noisy, len(class_names))
    ratio = getattr(dataset.noise, 'ratio', None)
    lines = [
        f'noise      {dataset.noise!r}',
        f'samples    {len(dataset)} in {len(class_names)} classes',
        f'requested  {"-" if ratio is None else f"{ratio:.2%}"}',
        f'realised   {np.mean(clean != noisy):.2%} of the labels are wrong',
    ]
    if len(class_names) <= MAX_PRINTED_CLASSES:
        return [*lines, '', *matrix_lines(matrix, class_names)]
    return [*lines, '', *compact_lines(matrix, np.bincount(clean, minlength=len(matrix)))]


def matrix_lines(matrix: np.ndarray, class_names: list[str]) -> list[str]:
    """Write the whole matrix, in percent."""
    width = min(16, max(map(len, class_names)))
    lines = ['transition matrix in percent: a row is a true class, a column a label']
    lines.append(' ' * (width + 5) + ''.join(f'{label:6d}' for label in range(len(matrix))))
    for label, (name, row) in enumerate(zip(class_names, matrix, strict=True)):
        cells = ''.join(f'{100 * share:6.1f}' for share in row)
        lines.append(f'{label:4d} {name[:width]:{width}s}{cells}')
    return lines


def compact_lines(matrix: np.ndarray, counts: np.ndarray) -> list[str]:
    """Sum a large matrix up: the range over classes, and the commonest transitions."""
    wrong = 1 - np.diag(matrix)[counts > 0]
    off = matrix * (1 - np.eye(len(matrix)))
    lines = [
        f'wrong labels of a class: {wrong.min():.1%} to {wrong.max():.1%}, mean {wrong.mean():.1%}',
        f'a class is given {np.sum(off > 0, axis=1).mean():.1f} wrong labels on average',
        'commonest transitions (true class -> label: share of the true class)',
    ]
    for flat in np.argsort(-off, axis=None, kind='stable')[:TOP_PAIRS]:
        true, label = divmod(int(flat), len(matrix))
        if off[true, label] > 0:
            lines.append(f'{true:6d} -> {label:4d}: {off[true, label]:.1%}')
    return lines


def plot(dataset: NoisyLabelDataset, path: Path) -> None:
    """Draw the transition matrix."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    class_names = class_names_of(dataset)
    matrix = transition_matrix(dataset.clean_labels, dataset.given_labels, len(class_names))
    figure, axes = pyplot.subplots(figsize=(7, 6), layout='constrained')
    picture = axes.imshow(matrix, vmin=0, vmax=1, cmap='viridis', interpolation='nearest')
    figure.colorbar(picture, label='share of the true class')
    rate = np.mean(dataset.clean_labels != dataset.given_labels)
    axes.set(xlabel='label', ylabel='true class', title=f'{rate:.1%} of the labels are wrong')
    if len(class_names) <= 2 * MAX_PRINTED_CLASSES:
        ticks = range(len(class_names))
        axes.set_xticks(ticks, class_names, rotation=90)
        axes.set_yticks(ticks, class_names)
    file = io.BytesIO()
    figure.savefig(file, format=path.suffix[1:] or 'png', dpi=150)
    pyplot.close(figure)
    write_atomically(file.getvalue(), path)


def main(args: argparse.Namespace) -> None:
    read_options(args)
    check_outputs(args)
    dataset, existed = load_dataset(args)
    print('\n'.join(summary(dataset)))
    if dataset.noise_file is not None:
        print(f'\nnoise file {"is there and fits" if existed else "written"}: {dataset.noise_file}')
    if args.plot is not None:
        plot(dataset, Path(args.plot))
        print(f'plot written: {args.plot}')


if __name__ == '__main__':
    run_tool(main, ARGS)
