"""Options of the tools that score data: how a pass over them runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.device import get_device

from deft_mm.engine.kept_features import DTYPES, FeatureFolder
from deft_mm.fileio import require_writable


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
        choices=DTYPES,
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
    group.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher',
    )
    # Passed by older launchers; newer ones set the environment variable.
    group.add_argument('--local_rank', '--local-rank', type=int, default=0)


def check_scoring_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End in a usage message where a number is out of range.

    Args:
        parser (argparse.ArgumentParser): The parser.
        args (argparse.Namespace): What it has read.
    """
    for name, least in dict(batch_size=1, num_workers=0).items():
        value = getattr(args, name)
        if value is not None and value < least:
            parser.error(f'--{name.replace("_", "-")} is {value}: give {least} or more')


def loader_sizes(args: argparse.Namespace, *configs: Mapping) -> dict[str, int]:
    """Batch size and number of workers: of the command line, or of the first config that has them.

    Args:
        args (argparse.Namespace): The command line.
        *configs (Mapping): Configs that may have ``batch_size`` and ``num_workers``.

    Returns:
        dict[str, int]: Both; 64 and 0 where nobody says.
    """
    given = [vars(args), *configs, dict(batch_size=64, num_workers=0)]
    return {
        name: next(cfg[name] for cfg in given if cfg.get(name) is not None)
        for name in ('batch_size', 'num_workers')
    }


def feature_folder(args: argparse.Namespace, beside: Path) -> FeatureFolder | None:
    """Where features are kept.

    Args:
        args (argparse.Namespace): The command line.
        beside (Path): The folder in which they have theirs, where the command line names none.

    Returns:
        FeatureFolder, optional: None for nowhere.

    Raises:
        ValueError: If it is a file.
        PermissionError: If no file can be made there.
    """
    if args.features == 'none':
        return None
    folder = beside / 'features' if args.features is None else Path(args.features)
    require_writable(folder, '--features', is_folder=True)
    return FeatureFolder(folder, args.feature_dtype)


def usable_device(name: str | None) -> torch.device:
    """The device to score on.

    Args:
        name (str, optional): Its name; None is the first accelerator, or the CPU.

    Returns:
        torch.device: The device.

    Raises:
        ValueError: If it can't be used.
    """
    if name is None:
        return torch.device(get_device())
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # PyTorch's words of either kind
        reason = str(error).splitlines()[0]
        raise ValueError(f'--device {name} cannot be used: {reason}') from error
