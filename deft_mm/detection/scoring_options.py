"""What the options of the tools that score data mean: how a pass over them runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.device import get_device

from deft_mm.engine.kept_features import FeatureFolder
from deft_mm.fileio import require_writable


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
