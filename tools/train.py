"""Train a model from a config.

python tools/train.py configs/deft/deft_digits_sym40.py
python tools/train.py CONFIG --resume       # goes on from the newest checkpoint
python tools/train.py CONFIG --corrections corrections.csv
bash tools/dist_train.sh CONFIG 8           # eight processes on this machine
"""

import argparse
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_run_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help="resume from this checkpoint or, without a path, from the work directory's newest",
    )
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rates by (batch size x processes) / the config's base batch size",
    )
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='restart the data-loading workers every epoch',
    )
    parser.add_argument(
        '--corrections',
        nargs='+',
        metavar='FILE',
        help='corrections.csv of the training set or of what it is a part of, a JSON export of '
        'Label Studio, or several: their labels are trained on, and no detector doubts them',
    )
    add_run_options(parser)
    add_traceback_option(parser)
    return parser.parse_args()


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

from mmengine.config import Config

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool, was_interrupted
from deft_mm.datasets.own_images import problems_kept
from deft_mm.engine.launch import amp_dtype, check_amp_device, load_config, run_process
from deft_mm.engine.options import read_options
from deft_mm.engine.stage_switch import end_workers
from deft_mm.engine.tool_runner import build_runner
from deft_mm.engine.work_folder import ConfigFileHook, data_report_of, own_folder


def use_amp(cfg: Config) -> None:
    """Train and validate in mixed precision."""
    dtype = amp_dtype(cfg)
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    # bfloat16 has the range of float32: no gradient is lost without scaling.
    scale = 'dynamic' if dtype == 'float16' else dict(enabled=False)
    cfg.optim_wrapper.setdefault('loss_scale', scale)
    if cfg.get('val_cfg') is not None and 'type' not in cfg.val_cfg:
        cfg.val_cfg.setdefault('fp16', True)


def apply_training_options(cfg: Config, args: argparse.Namespace) -> None:
    """Write the options that only training has into the config."""
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if cfg.get(name) is None:
            raise ValueError(f'{args.config} has no {name}, or None: training needs one.')
    if args.corrections:
        cfg.train_dataloader.dataset = dict(
            type='CorrectedLabels',
            dataset=cfg.train_dataloader.dataset,
            corrections=[str(Path(path).absolute()) for path in args.corrections],
        )
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        use_amp(cfg)
    elif cfg.get('optim_wrapper', {}).get('type') == 'AmpOptimWrapper':
        check_amp_device()
    if args.resume is not None:
        if args.resume != 'auto' and not Path(args.resume).is_file():
            raise FileNotFoundError(f'--resume: checkpoint {args.resume} does not exist.')
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise ValueError(
                '--auto-scale-lr needs to know the batch size that the learning rates are for: set '
                'auto_scale_lr=dict(base_batch_size=64) in the config.'
            )
        cfg.auto_scale_lr.enable = True


def train(args: argparse.Namespace) -> None:
    read_options(args)
    used = ['train_dataloader', *([] if args.no_validate else ['val_dataloader'])]
    cfg = load_config(args, not args.no_persistent_workers, used)
    apply_training_options(cfg, args)
    with own_folder(cfg), problems_kept(data_report_of(cfg.work_dir)):
        try:
            runner = build_runner(cfg)
            runner.register_hook(ConfigFileHook())
            runner.train()
        except (KeyboardInterrupt, Exception) as error:
            if not was_interrupted(error):
                raise
            raise KeyboardInterrupt(
                'Interrupted. The same command with --resume goes on from the newest checkpoint '
                f'in {cfg.work_dir}.'
            ) from None
        end_workers(runner)


def main(args: argparse.Namespace) -> None:
    run_process(train, args)


if __name__ == '__main__':
    run_tool(main, ARGS)
