"""Evaluate a checkpoint with its config's test data and metrics.

python tools/test.py configs/deft/deft_digits_sym40.py work_dirs/deft_digits_sym40/epoch_30.pth
"""

import argparse
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_run_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test (and evaluate) a model')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--out', help='file for the results: predictions .pkl, metrics .json, .yaml, .pkl'
    )
    parser.add_argument(
        '--out-item', choices=['metrics', 'pred'], help='what --out holds. Defaults to predictions'
    )
    parser.add_argument('--show-dir', help='folder for images with their predictions')
    parser.add_argument('--show', action='store_true', help='show the predictions in a window')
    parser.add_argument('--interval', type=int, default=1, help='draw every n-th sample')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds that each window is shown'
    )
    parser.add_argument('--tta', action='store_true', help='average over image and mirror image')
    add_run_options(parser)
    add_traceback_option(parser)
    args = parser.parse_args()
    if args.out_item is not None and args.out is None:
        parser.error('--out-item says what to write: say where with --out FILE')
    if args.interval < 1:
        parser.error(f'--interval is {args.interval}: draw every n-th sample, 1 or more')
    if args.wait_time < 0:
        parser.error(f'--wait-time is {args.wait_time}: give seconds, 0 or more')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.evaluator import DumpResults

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.engine.config_walk import datasets_in, is_wrapper
from deft_mm.engine.launch import amp_dtype, load_config, run_process
from deft_mm.engine.options import read_options
from deft_mm.engine.stage_switch import end_workers
from deft_mm.engine.tool_runner import build_runner
from deft_mm.fileio import require_writable

# What MMEngine writes, by what is written.
_PREDICTIONS = ('.pkl', '.pickle')
_METRICS = ('.json', '.yaml', '.yml', '.pkl', '.pickle')


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse results that could not be written, before anything is computed."""
    if args.out is not None:
        is_metrics = args.out_item == 'metrics'
        formats = _METRICS if is_metrics else _PREDICTIONS
        if Path(args.out).suffix not in formats:
            other = '' if is_metrics else ' Metrics in place of predictions: --out-item metrics.'
            raise ValueError(
                f"--out '{args.out}': {'metrics' if is_metrics else 'predictions'} are written as "
                f'{", ".join(formats)}: give such a name.{other}'
            )
        require_writable(args.out, '--out')
    if args.show_dir is not None:
        require_writable(args.show_dir, '--show-dir', is_folder=True)


def apply_test_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only testing has into the config."""
    if not Path(args.checkpoint).is_file() and '://' not in args.checkpoint:
        raise FileNotFoundError(f'Checkpoint {args.checkpoint} does not exist.')
    cfg.load_from = args.checkpoint
    if args.amp:
        amp_dtype(cfg)
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        cfg.setdefault('default_hooks', ConfigDict()).setdefault(
            'visualization', ConfigDict(type='VisualizationHook')
        )
        cfg.default_hooks.visualization.update(
            enable=True,
            show=args.show,
            wait_time=args.wait_time,
            out_dir=args.show_dir,
            interval=args.interval,
        )
    if args.tta:
        _use_flip_tta(cfg)


def _use_flip_tta(cfg: Config) -> None:
    """Test on each image and its mirror image, unless the config has its own ``tta_pipeline``."""
    for _, dataset in datasets_in(cfg, ['test_dataloader']):
        if is_wrapper(dataset):
            continue
        if 'pipeline' not in dataset:
            raise ValueError(
                '--tta changes the pipeline of test_dataloader.dataset, and '
                f"{dataset['type']} has none: give it one that ends in dict(type='PackInputs')."
            )
        *steps, pack = dataset['pipeline']
        flips = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]
        augment = dict(type='TestTimeAug', transforms=[flips, [pack]])
        dataset['pipeline'] = cfg.get('tta_pipeline') or [*steps, augment]
    tta_model = cfg.get('tta_model', dict(type='mmpretrain.AverageClsScoreTTA'))
    cfg.model = ConfigDict(**tta_model, module=cfg.model)


def test(args: argparse.Namespace) -> None:
    read_options(args)
    check_outputs(args)
    cfg = load_config(args, persistent_workers=False, dataloaders=['test_dataloader'])
    apply_test_options(cfg, args)
    runner = build_runner(cfg)
    if args.out is not None and args.out_item != 'metrics':
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    metrics = runner.test()
    end_workers(runner)
    if args.out_item == 'metrics':
        mmengine.dump(metrics, args.out)


def main(args: argparse.Namespace) -> None:
    run_process(test, args)


if __name__ == '__main__':
    run_tool(main, ARGS)
