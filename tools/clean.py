"""Find the wrong labels in a folder of images, without a config and without training.

python tools/clean.py /path/to/images                       # a folder for each class
python tools/clean.py /path/to/list.csv --clip tiny         # columns path,label; the built-in CLIP
python tools/clean.py configs/deft/deft_digits_sym40.py     # the training data of a config
python tools/clean.py /path/to/images --then ce             # and train on what is kept

It reads and checks the images, computes CLIP's features of them, and lets a detector decide which
labels are right: by default the one that finds most of the errors that it plants itself
(AuditSelector). In the work directory (work_dirs/clean/<name>, or --out) are selection.csv with
every image, summary.json, data_report.csv, look_alikes.csv (near duplicates with different labels,
and images that look like no other), the log, and the features, which are computed once: they are
found again by another detector, under other labels and for images that were moved, and what was
interrupted goes on where it was. The same command again replaces the rest. A selection.csv that a
person has edited is never replaced: --then trains on it as it is.

Several processes: python tools/launch.py --nproc_per_node=8 tools/clean.py ... --launcher pytorch
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import (
    add_options,
    add_scoring_options,
    add_traceback_option,
    check_pass_options,
)

REPO = Path(__file__).resolve().parent.parent
DEFAULT_CLIP = 'ViT-B-16'
# The methods that have a config for folders, by name.
METHODS = {path.parent.name: path for path in sorted(REPO.glob('configs/*/*_folder.py'))}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Find wrong labels, without training')
    parser.add_argument(
        'data',
        help='a folder that has a folder for each class, a list (.csv, .jsonl, .parquet), or a '
        'config, whose training data are taken',
    )
    parser.add_argument(
        '--clip',
        help="open_clip's name of a model, 'tiny' or 'tiny-weak' for a built-in one, "
        "'local-dir:/path' for a folder of open_clip. Defaults to a config's own, else to ViT-B-16 "
        'of OpenAI',
    )
    parser.add_argument('--template', help="prompt. Defaults to 'a photo of a {}.'")
    parser.add_argument(
        '--detector',
        metavar='NAME',
        help='audit, knn, confident_learning, gmm, label_match, or any other selector. Defaults to '
        'audit; where there are too few images for it, the log says what is taken',
    )
    add_options(parser, 'arguments of the detector', '--detector-options')
    add_options(
        parser,
        'of a folder or list, arguments of ImageFolderDataset, such as classes="[cat,dog]"; of a '
        'config, override its keys',
        '--data-options',
    )
    parser.add_argument(
        '--corrections',
        nargs='+',
        type=Path,
        default=[],
        metavar='FILE',
        help='corrections.csv of this data, a JSON export of Label Studio, or several: detectors '
        'learn from these labels and do not doubt them',
    )
    parser.add_argument(
        '--out', type=Path, help='work directory. Defaults to work_dirs/clean/<name of the data>'
    )
    parser.add_argument(
        '--then',
        choices=sorted(METHODS),
        metavar='METHOD',
        help='train on what is kept, by the config for folders of that method: %(choices)s',
    )
    add_scoring_options(parser, "those of a config's validation, else 64 and 4")
    add_traceback_option(parser)
    args = parser.parse_args(argv)
    check_pass_options(parser, args)
    if args.detector_options and args.detector is None:
        parser.error('--detector-options belong to --detector')
    if args.then is not None and args.launcher != 'none':
        parser.error(
            '--then goes on in one process: start the training that is printed with the launcher'
        )
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets import class_names_of, clean_labels_of, sample_table_of
from deft_mm.datasets.own_images import DataReport, problems_kept, problems_to_csv
from deft_mm.detection import (
    DEFAULT_TEMPLATE,
    CleanSummary,
    DataSource,
    build_zero_shot_detector,
    default_selector,
    detector_probs,
    evaluation_transforms,
    feature_folder,
    find_data,
    has_clip,
    is_config,
    loader_sizes,
    read_data,
    require_enough,
    require_own,
    selector_type,
    usable_device,
    warn_of_extremes,
    zero_shot_config,
)
from deft_mm.engine.float32_precision import set_float32_precision
from deft_mm.engine.launch import (
    amp_dtype,
    join_processes,
    read_config,
    run_process,
)
from deft_mm.engine.options import read_options
from deft_mm.engine.scoring_pass import check_needs
from deft_mm.engine.select import select
from deft_mm.engine.work_folder import (
    LOCK_FILE,
    SUMMARY_FILE,
    config_in,
    locked_folder,
    run_in,
)
from deft_mm.evaluation import SelectionReport
from deft_mm.fileio import require_writable, write_atomically
from deft_mm.main_process import on_main_process
from deft_mm.models.clip import clip_named
from deft_mm.next_command import command_line, shorter
from deft_mm.selection import (
    SampleTable,
    Selector,
    apply_corrections,
    build_selector,
    is_edited,
)

LOOK_ALIKES_FILE = 'look_alikes.csv'


def find_source(args: argparse.Namespace) -> tuple[Config, DataSource]:
    """The config of zero-shot CLIP, or that of the data where it names a CLIP, and the data."""
    options = args.data_options
    if args.clip is None and is_config(args.data):
        cfg = read_config(args.data, options)
        if has_clip(cfg):
            return cfg, find_data(cfg, None, own_options=options)
    cfg = zero_shot_config(clip_named(args.clip or DEFAULT_CLIP))
    return cfg, find_data(cfg, args.data, options=options, name='DATA')


def output_folder(args: argparse.Namespace, data: DataSource) -> Path:
    """Where everything goes; nothing that others have written is there."""
    out = args.out or Path('work_dirs/clean') / data.name
    name = '--out' if args.out else 'The work directory'
    require_writable(out, name, is_folder=True)
    if config_in(out) or run_in({}, out) is not None:
        raise ValueError(
            f"{name} '{out}' is the work directory of a training run, whose selection would be "
            'replaced: give another --out.'
        )
    folder = Path(args.data).resolve()
    if folder.is_dir() and folder in (out.resolve(), *out.resolve().parents):
        raise ValueError(
            f"{name} '{out}' lies within the images, among which its files would count the next "
            'time: give a folder elsewhere.'
        )
    if out.is_dir() and any(out.iterdir()) and not (out / LOCK_FILE).exists():
        raise ValueError(
            f"{name} '{out}' has files of something else, which are left alone: give a new folder."
        )
    return out


def may_replace(args: argparse.Namespace, path: Path, samples: SampleTable) -> bool:
    """Whether a new selection is to be written; False where the edited one is to be trained on."""
    hint = 'Give another --out, or move it away.'
    require_own(path, samples, hint)
    if not (path.exists() and is_edited(path, samples)):
        return True
    if args.then is not None and args.detector is None:
        return False
    raise ValueError(
        f"'{path}' was edited since it was written, and would be replaced: give the corrections "
        'that are in it (--corrections), train on it as it is (--then METHOD, without '
        '--detector), give another --out, or move it away.'
    )


def corrected(args: argparse.Namespace, samples: SampleTable, logger: MMLogger) -> SampleTable:
    """The samples with what people have decided of them."""
    if not args.corrections:
        return samples
    review = apply_corrections(samples, args.corrections)
    if review.conflicts:
        logger.warning(
            f'Reviewers differ on {len(review.conflicts)} samples, which stay undecided unless one '
            'excludes them: tools/apply_corrections.py lists them.'
        )
    return review.table


def choose_selector(args: argparse.Namespace) -> Selector | None:
    """The selector of the command line; None where the data decide."""
    if args.detector is None:
        return None
    type_ = selector_type(args.detector, '--detector')
    return build_selector(dict(type=type_) | args.detector_options)


def tell_data(logger: MMLogger, out: Path, reports: list[DataReport]) -> None:
    """Log what is wrong with the files, and write all of it."""
    if not reports or not is_main_process():
        return
    problems = dict.fromkeys(problem for report in reports for problem in report.problems)
    write_atomically(problems_to_csv(problems), out / 'data_report.csv')
    for report in reports:
        logger.info('\n'.join(report.to_lines()))


def write_training(args: argparse.Namespace, out: Path) -> list[str]:
    """Write the config that trains on what is kept; return the command."""
    selection = str((out / 'selection.csv').absolute())
    if is_config(args.data):
        name, cfg = Path(args.data).stem, read_config(args.data, args.data_options)
    else:
        name = args.then or 'ce'
        options = dict(data_root=os.path.abspath(args.data), clip=args.clip or DEFAULT_CLIP)
        cfg = read_config(str(METHODS[name]), options | args.data_options)
    hook = (cfg.get('default_hooks') or {}).get('noise_filter') or {}
    if hook.get('type') == 'NoiseFilterHook':
        # In place of its detector.
        hook.selection = selection
    else:
        cfg.train_dataloader.dataset = dict(
            type='CleanSubset', dataset=cfg.train_dataloader.dataset, selection=selection
        )
    cfg.work_dir = str((out / name).absolute())
    text = (
        f'# Trains on what selection.csv keeps. tools/clean.py writes it anew: copy it to change '
        f'it.\n{cfg.dump()}'
    )
    path = out / f'{name}.py'
    on_main_process(lambda: write_atomically(text.encode(), path))
    return [shorter(REPO / 'tools' / 'train.py'), shorter(path)]


def run(args: argparse.Namespace) -> list[str] | None:
    """Clean the data; return the command that is to follow, if one is."""
    begin = time.perf_counter()
    read_options(args, 'detector_options', 'data_options')
    selector = choose_selector(args)
    cfg, data = find_source(args)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    join_processes(args.launcher, cfg)
    logger = MMLogger.get_instance('clean')
    float32 = set_float32_precision(cfg.get('env_cfg'))
    if float32 is not None:
        logger.info(float32)
    out, device = output_folder(args, data), usable_device(args.device)
    features = feature_folder(args, out)
    dtype = getattr(torch, amp_dtype(cfg)) if args.amp else None

    with problems_kept(out / 'data_report.csv'):
        dataset, reports = read_data(data)
    samples = corrected(args, sample_table_of(dataset), logger)
    why = f"--detector '{args.detector}' decides."
    if selector is None:
        selector, why = default_selector(samples.label)
    require_enough(selector, samples)
    transforms, preprocessor = evaluation_transforms(cfg, data, dataset)
    detector = build_zero_shot_detector(
        cfg, preprocessor, class_names_of(dataset), args.template or DEFAULT_TEMPLATE
    )
    check_needs(detector, selector.needs, type(selector).__name__)
    with locked_folder(out, '--out'):
        path = out / 'selection.csv'
        if not on_main_process(lambda: may_replace(args, path, samples)):
            logger.info(f"'{path}' was edited: it is trained on as it is.")
            return write_training(args, out)
        logger = MMLogger.get_instance(
            f'clean_{time.time_ns()}', log_file=str(out / 'clean.log'), file_mode='a'
        )
        logger.info(f"Cleaning of '{args.data}'. {why}")
        tell_data(logger, out, reports)
        table = select(
            detector.to(device),
            dataset,
            selector,
            pipeline=transforms,
            table=samples,
            skip_unreadable=True,
            amp_dtype=dtype,
            config=Path(args.data).name if is_config(args.data) else '',
            features=features,
            **loader_sizes(args, cfg.get('val_dataloader') or {}),
        )
        seconds = time.perf_counter() - begin
        command = write_training(args, out)
        if is_main_process():
            tell(logger, out, table, selector, dataset, seconds, command)
    return command if args.then else None


def tell(
    logger: MMLogger,
    out: Path,
    table: SampleTable,
    selector: Selector,
    dataset: Any,
    seconds: float,
    command: list[str],
) -> None:
    """Write the selection and the summary, and log what they say."""
    probs = detector_probs(selector, table)
    summary = CleanSummary(table, selector, probs)
    report = SelectionReport(summary.detected, clean_labels_of(dataset))
    files = report.write(out / 'selection.csv', summary.details)
    next_command = shlex.join(['python', *command])
    figures = summary.figures() | dict(
        detector=type(selector).__name__,
        seconds=round(seconds, 2),
        files=[str(file) for file in files],
        next=next_command,
    )
    write_atomically(json.dumps(figures, indent=1).encode(), out / SUMMARY_FILE)
    write_atomically(summary.look_alikes_to_csv(), out / LOOK_ALIKES_FILE)
    warn_of_extremes(table)
    lines = summary.to_lines()
    lines += [
        f'  {"time":16} {seconds:.1f} s',
        f'  {"selection file":16} {files[0]}',
        f'  {"figures":16} {out / SUMMARY_FILE}',
        f'  {"look-alikes":16} {out / LOOK_ALIKES_FILE}',
        f'  {"next: review":16} {command_line(REPO / "tools" / "review.py", out)}',
        f'  {"next: train":16} {next_command}',
    ]
    logger.info('\n'.join(['Summary', *lines]))


def main(args: argparse.Namespace) -> None:
    command = run_process(run, args)
    if command is not None:
        print(f'Training: {shlex.join(["python", *command])}', flush=True)
        # In place of this process: of memory and threads nothing is left.
        os.execv(sys.executable, [sys.executable, *command])


if __name__ == '__main__':
    run_tool(main, ARGS)
