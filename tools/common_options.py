"""Options that several tools have.

The tools read their command line before they import the stack, so that ``--help`` and a mistake are
answered at once: nothing is imported here that takes long.
"""

from __future__ import annotations

import argparse


def add_traceback_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--traceback``, which :func:`deft_mm.command_line.run_tool` reads."""
    parser.add_argument(
        '--traceback',
        action='store_true',
        help="print where in the code a mistake was found; a run's log file has it anyway",
    )


def add_options(
    parser: argparse._ActionsContainer, help: str, option: str = '--cfg-options'
) -> None:
    """Add an option that takes overrides, which :func:`deft_mm.engine.options.read_options` reads.

    Args:
        parser (argparse.ArgumentParser): A parser, or a group of one.
        help (str): What they override.
        option (str): Its name. Defaults to '--cfg-options'.
    """
    parser.add_argument(
        option,
        nargs='+',
        action='extend',
        type=override,
        default=[],
        metavar='KEY=VALUE',
        help=help,
    )


def add_cfg_options(parser: argparse._ActionsContainer, what: str = 'config keys') -> None:
    """Add ``--cfg-options``.

    Args:
        parser (argparse.ArgumentParser): A parser, or a group of one.
        what (str): What they override, for the help. Defaults to 'config keys'.
    """
    add_options(
        parser,
        f'override {what}, e.g. train_dataloader.batch_size=32 or key="[a,b]"; a key that nothing '
        'reads is an error, unless it is written +key=value',
    )


def override(text: str) -> str:
    """Return an override as it is; what its value means is for MMEngine to say.

    Raises:
        argparse.ArgumentTypeError: If it has no '=' or nothing before it.
    """
    key, equals, _ = text.partition('=')
    if not key.strip() or not equals:
        raise argparse.ArgumentTypeError(f'An override is KEY=VALUE, found {text!r}.')
    return text


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing share, named as MMPretrain's."""
    parser.add_argument('--work-dir', help='folder for logs, checkpoints and the selection file')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='automatic mixed precision (needs an accelerator); float16, or bfloat16 with '
        '--cfg-options optim_wrapper.dtype=bfloat16',
    )
    parser.add_argument(
        '--no-pin-memory', action='store_true', help="turn the dataloaders' pin_memory off"
    )
    add_cfg_options(parser)
    _add_launcher_options(parser)


def add_scoring_options(group: argparse._ActionsContainer, defaults: str) -> None:
    """Add the options of a pass, and where it keeps features.

    Args:
        group (argparse.ArgumentParser): A parser, or a group of one.
        defaults (str): See :func:`add_pass_options`.
    """
    add_pass_options(group, defaults)
    group.add_argument(
        '--features',
        metavar='DIR',
        help="where features of a frozen CLIP are kept, so that they are computed once; 'none' for "
        "nowhere. Defaults to the folder 'features' in the work directory, or beside --out",
    )
    group.add_argument(
        '--feature-dtype',
        choices=['float16', 'float32'],
        default='float16',
        help='how they are kept. Defaults to float16',
    )


def add_pass_options(group: argparse._ActionsContainer, defaults: str) -> None:
    """Add the options of a pass over images.

    Args:
        group (argparse.ArgumentParser): A parser, or a group of one.
        defaults (str): What batch size and workers are where they aren't given, for the help.
    """
    group.add_argument('--batch-size', type=int, help=f'images at once. Defaults to {defaults}')
    group.add_argument('--num-workers', type=int, help='data-loading workers. The same default')
    group.add_argument('--device', help='defaults to the first accelerator, or the CPU')
    group.add_argument(
        '--amp', action='store_true', help='mixed precision, see tools/train.py (needs a GPU)'
    )
    _add_launcher_options(group)


def check_pass_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End in a usage message where a number is out of range.

    Args:
        parser (argparse.ArgumentParser): The parser.
        args (argparse.Namespace): What it has read.
    """
    for name, least in dict(batch_size=1, num_workers=0).items():
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name.replace("_", "-")} is {value}: give {least} or more')


def _add_launcher_options(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    # Passed by older launchers; newer ones set the environment variable.
    group.add_argument('--local_rank', '--local-rank', type=int, default=0)
