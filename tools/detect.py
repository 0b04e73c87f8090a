"""Score data with a trained detector, or with zero-shot CLIP, and write a selection file.

python tools/detect.py CONFIG CHECKPOINT                                   # its own training set
python tools/detect.py CONFIG CHECKPOINT --data path/to/images             # a folder a class
python tools/detect.py CONFIG CHECKPOINT --data configs/deft/deft_cifar100_idn50.py
python tools/detect.py CONFIG --clip-only --data path/to/list.csv          # without training

Classes are matched by name, with --class-map FILE for the rest; samples of other classes are left
unscored. --class-names data asks a detector with prompts about the data's own classes instead:
their names are written with the trained contexts. --clip-only does so, too.

Images are read as the data's own config has it (files of a folder: LoadImageFromFile), and brought
to size as CONFIG does it in its evaluation, on the host or in the data preprocessor, since that is
how the detector has learned to see. Another config's way: --pipeline-from.

Several processes: python -m torch.distributed.run --nproc_per_node=8 tools/detect.py ... \
    --launcher pytorch
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import (
    add_cfg_options,
    add_options,
    add_scoring_options,
    add_traceback_option,
    check_pass_options,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Score data with a trained detector')
    parser.add_argument('config', help='config file of the detector, best that in its work dir')
    parser.add_argument('checkpoint', nargs='?', help='its checkpoint, of either stage of DeFT')
    add_data_arguments(parser)
    add_detector_arguments(parser)
    add_run_arguments(parser)
    add_traceback_option(parser)
    args = parser.parse_args()
    if (args.checkpoint is None) != args.clip_only:
        parser.error('give the CHECKPOINT of a trained detector, or --clip-only without one')
    if args.selector is not None and args.threshold is not None:
        parser.error('--threshold is short for --selector ThresholdSelector: give one of the two')
    if not args.clip_only and (args.template is not None or args.temperature is not None):
        parser.error('--template and --temperature belong to --clip-only')
    check_pass_options(parser, args)
    if args.clip_only and args.class_names == 'detector':
        parser.error('--clip-only has no classes of its own: leave --class-names out')
    return args


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('data')
    group.add_argument(
        '--data',
        help='what to score: a folder that has a folder for each class, a list (.csv, .jsonl, '
        '.parquet), or a config, whose data set is taken. Defaults to that of CONFIG',
    )
    group.add_argument(
        '--part',
        default='train',
        choices=['train', 'val', 'test'],
        help="which of a config's data sets. Defaults to train",
    )
    add_options(
        group,
        'override keys of the config given as --data; of a folder or list, arguments of '
        'ImageFolderDataset',
        '--data-options',
    )
    group.add_argument(
        '--pipeline-from',
        metavar='CONFIG',
        help='bring images to size with the evaluation transforms of another config',
    )


def add_detector_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('detector')
    group.add_argument(
        '--class-names',
        choices=['detector', 'data'],
        help="ask the detector about its own classes, matched with the data's by name, or write "
        "its prompts anew with the data's names. Defaults to detector",
    )
    group.add_argument(
        '--class-map',
        metavar='FILE',
        help='.csv with the columns data_class,detector_class, or .json with an object; with '
        '--clip-only and --class-names data, the second is any name to ask the detector for',
    )
    group.add_argument(
        '--unmatched',
        default='keep',
        choices=['keep', 'reject'],
        help='what happens to samples of classes that the detector does not have. Defaults to keep',
    )
    group.add_argument(
        '--predict-among',
        default='matched',
        choices=['matched', 'all'],
        help='classes that a prediction is chosen among: those that data and detector have in '
        "common, or all of the detector's. Defaults to matched",
    )
    group.add_argument(
        '--clip-only',
        action='store_true',
        help="zero-shot: the CLIP of CONFIG's detector as it was before training",
    )
    group.add_argument('--template', help="prompt of --clip-only. Defaults to 'a photo of a {}.'")
    group.add_argument(
        '--temperature', type=float, help="temperature of --clip-only. Defaults to CLIP's own"
    )
    group.add_argument(
        '--selector',
        metavar='TYPE',
        help="Defaults to CONFIG's, with --clip-only to LabelMatchSelector; CONFIG's limits hold "
        'for any',
    )
    add_options(group, 'arguments of the selector', '--selector-options')
    group.add_argument(
        '--threshold', type=float, help='short for ThresholdSelector with this threshold'
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('run')
    group.add_argument(
        '--out',
        type=Path,
        help='selection file. Defaults to '
        'work_dirs/<config>/detect/<data>_<checkpoint>/selection.csv',
    )
    add_scoring_options(group, "those of CONFIG's validation")
    add_cfg_options(group, 'keys of CONFIG')


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpretrain.registry import HOOKS
from torch import nn

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets import class_names_of, clean_labels_of, sample_table_of
from deft_mm.detection import (
    DEFAULT_TEMPLATE,
    DataSource,
    build_detector,
    build_zero_shot_detector,
    detector_classes,
    evaluation_transforms,
    feature_folder,
    find_data,
    load_checkpoint,
    loader_sizes,
    read_class_map,
    read_data,
    require_own,
    selector_type,
    usable_device,
    warn_of_extremes,
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
from deft_mm.engine.work_folder import is_selection_of_run
from deft_mm.evaluation import SelectionReport
from deft_mm.fileio import require_writable
from deft_mm.next_command import command_line
from deft_mm.selection import (
    ClassMatching,
    SampleTable,
    Selector,
    build_limits,
    build_selector,
    is_edited,
    is_selection_file,
    prompt_names,
    require_pyarrow,
)
from deft_mm.selection.sample_details import SampleDetails


def noise_filter_of(cfg: Config) -> dict:
    """The settings of CONFIG's own scoring pass."""
    return dict((cfg.get('default_hooks') or {}).get('noise_filter') or {})


def choose_selector(args: argparse.Namespace, cfg: Config) -> Selector:
    """The selector of the command line, or that of CONFIG."""
    own = noise_filter_of(cfg).get('selector')
    if args.threshold is not None:
        chosen = dict(type='ThresholdSelector', threshold=args.threshold)
    elif args.selector is not None:
        chosen = dict(type=selector_type(args.selector, '--selector'))
    elif args.clip_only:
        chosen = dict(type='LabelMatchSelector')
    else:
        # That of the hook; a classifier that has none gives no clean probability.
        kind = noise_filter_of(cfg).get('type')
        hook = None if kind is None else HOOKS.get(kind)
        chosen = dict(own or dict(type=getattr(hook, 'default_selector', 'LabelMatchSelector')))
    return build_selector(chosen | args.selector_options)


def output_file(args: argparse.Namespace, cfg: Config, data: DataSource) -> Path:
    if args.out is not None:
        if args.out.is_dir() or args.out.suffix not in ('.csv', '.parquet'):
            raise ValueError(
                f"--out '{args.out}' is no selection file: give a name in .csv or .parquet."
            )
        # It may be the list of images, or whatever else the user has.
        if args.out.exists() and not is_selection_file(args.out):
            raise ValueError(
                f"--out '{args.out}' exists and is no selection file, so it is left alone: give "
                'another name, or remove it.'
            )
        require_pyarrow(args.out)
        require_writable(args.out, '--out')
        if is_selection_of_run(args.out):
            raise ValueError(
                f"--out '{args.out}' is the place of the selection of the run in '{args.out.parent}"
                "': give another name, such as "
                f"'{args.out.with_name('detected' + args.out.suffix)}'."
            )
        return args.out
    run = Path(cfg.get('work_dir') or Path('work_dirs') / Path(args.config).stem)
    detector = 'zero_shot' if args.clip_only else Path(args.checkpoint).stem
    out = run / 'detect' / f'{data.name}_{detector}' / 'selection.csv'
    require_writable(out, 'The selection file')
    return out


def prepare_detector(
    args: argparse.Namespace, cfg: Config, dataset: Any, preprocessor: dict, class_map: dict | None
) -> tuple[nn.Module, ClassMatching]:
    """Build the detector, and find the classes of the data among its own."""
    data_classes = class_names_of(dataset)
    if args.clip_only:
        names = prompt_names(data_classes, class_map)
        template = args.template or DEFAULT_TEMPLATE
        detector = build_zero_shot_detector(cfg, preprocessor, names, template, args.temperature)
        return detector, ClassMatching.identity(data_classes)
    checkpoint = load_checkpoint(args.checkpoint)
    source = f'Checkpoint {args.checkpoint}'
    if args.class_names == 'data':
        names = prompt_names(data_classes, class_map)
        detector = build_detector(cfg, checkpoint, preprocessor, names, source)
        return detector, ClassMatching.identity(data_classes)
    known = detector_classes(cfg, checkpoint)
    matching = ClassMatching.by_name(data_classes, known, class_map)
    return build_detector(cfg, checkpoint, preprocessor, source=source), matching


def log_matching(logger: MMLogger, matching: ClassMatching, unmatched: str) -> None:
    names = matching.unmatched_names
    if matching.data_classes is matching.detector_classes:
        logger.info(
            f'The detector is asked about the {len(matching.data_classes)} classes of the '
            'data by their names.'
        )
        return
    logger.info(
        f'{len(matching.matched)} of the {len(matching.data_classes)} classes of the data are '
        f'classes of the detector, which has {len(matching.detector_classes)}.'
    )
    if names:
        word = dict(keep='kept', reject='rejected')[unmatched]
        logger.warning(
            f'The samples of {len(names)} classes are left unscored and {word}, since the detector '
            f'does not have these: {", ".join(names)}. --class-map says which of its classes they '
            'are, --unmatched what happens to the others.'
        )


def review_command(
    args: argparse.Namespace, data: DataSource, table: SampleTable, out: Path
) -> str | None:
    """The command that makes a page of the selection; None where it could not find the images."""
    command = [Path(__file__).with_name('review.py'), '--selection', out]
    if '' in table.img_path:  # they are in the data set of a config
        if args.part != 'train':
            return None
        command += ['--config', Path(args.config if data.is_own else args.data)]
    return command_line(*command)


def run(args: argparse.Namespace) -> SelectionReport:
    read_options(args, 'cfg_options', 'data_options', 'selector_options')
    cfg = read_config(args.config, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    join_processes(args.launcher, cfg)
    logger = MMLogger.get_instance('detect')
    float32 = set_float32_precision(cfg.get('env_cfg'))
    if float32 is not None:
        logger.info(float32)
    selector, own = choose_selector(args, cfg), noise_filter_of(cfg)
    limits = build_limits(own['limits']) if own.get('limits') else None
    data = find_data(cfg, args.data, args.part, args.data_options, args.cfg_options)
    source = None
    if args.pipeline_from is not None:
        source = read_config(args.pipeline_from, {})
    class_map = None if args.class_map is None else read_class_map(args.class_map)
    out = output_file(args, cfg, data)
    # Beside a selection that has a place of its own, else in the work directory of the detector.
    features = feature_folder(args, out.parents[0 if args.out else 2])
    device = usable_device(args.device)

    dataset, reports = read_data(data)
    for report in reports:
        logger.info('\n'.join(report.to_lines()))
    samples = sample_table_of(dataset)
    if args.out is None:
        require_own(out, samples, 'Give another place with --out FILE.csv, or remove it.')
    if out.exists() and is_edited(out):
        raise ValueError(
            f"'{out}' was edited since it was written, and would be replaced: give another --out, "
            'or move it away.'
        )
    transforms, preprocessor = evaluation_transforms(cfg, data, dataset, source)
    detector, matching = prepare_detector(args, cfg, dataset, preprocessor, class_map)
    log_matching(logger, matching, args.unmatched)
    check_needs(detector, selector.needs, type(selector).__name__)
    start = time.perf_counter()
    table = select(
        detector.to(device),
        dataset,
        selector,
        limits,
        pipeline=transforms,
        table=samples,
        matching=matching,
        among_all=args.predict_among == 'all',
        keep_unmatched=args.unmatched == 'keep',
        skip_unreadable=own.get('skip_unreadable', False),
        amp_dtype=getattr(torch, amp_dtype(cfg)) if args.amp else None,
        config=Path(args.config).name,
        features=features,
        compare=True,
        **loader_sizes(args, own, cfg.get('val_dataloader') or {}),
    )
    report = SelectionReport(table, clean_labels_of(dataset), time.perf_counter() - start)
    if is_main_process():
        files = report.write(out, SampleDetails.of(table, selector))
        logger.info('\n'.join(['Detection', *(f'  {line}' for line in report.to_lines())]))
        logger.info('Written: ' + ', '.join(map(str, files)))
        if (command := review_command(args, data, table, out)) is not None:
            logger.info(f'Next: review it, {command}')
        logger.info(
            'Next: train on the kept samples, in any config, with train_dataloader.dataset='
            f"dict(type='CleanSubset', dataset={data.text}, selection='{out}')"
        )
        warn_of_extremes(table)
    return report


def main(args: argparse.Namespace) -> None:
    run_process(run, args)


if __name__ == '__main__':
    run_tool(main, ARGS)
