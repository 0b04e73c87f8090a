"""Load checkpoints, stock MMEngine's included, without running code that they may hold.

MMEngine stores its logs as ``HistoryBuffer`` objects, which refer to NumPy arrays and, by way of a
table of bound statistics, to ``getattr``. ``torch.load(weights_only=True)`` refuses them. What is
allowed here is what such files need and nothing that could run code: the real ``getattr`` never is.

Importing deft_mm adds that to what PyTorch's safe loading takes, and leaves MMEngine's loaders as
they are. The loader below is used where it is asked for: by the tools, by runs with
:class:`~deft_mm.engine.hooks.SafeCheckpointHook`, and for detectors.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from deft_mm.engine.checkpoint_files import damage_of, newest_whole
from deft_mm.engine.work_folder import config_in
from deft_mm.safe_globals import numpy_globals, takes_renamed_globals

_STATISTICS = ('min', 'max', 'mean', 'current')
_LOSSES = 'head.loss'
# What PyTorch's errors about damage begin with.
_READER = 'PytorchStreamReader'


def _history_buffer_getattr(owner: object, name: str):
    """Stand in for ``getattr`` in a pickle: gives ``HistoryBuffer``'s statistics, nothing else."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise ValueError(f'A checkpoint asked for {name!r} of {owner!r}, which is not allowed.')
    return getattr(HistoryBuffer, name)


def allow_mmengine_checkpoints() -> None:
    """Add what MMEngine's checkpoints need to PyTorch's list of safe globals.

    Does nothing on a PyTorch before 2.6, whose list knows no renamed entries: there, checkpoints
    with log buffers are refused, those of :class:`~deft_mm.engine.hooks.SafeCheckpointHook` load.
    """
    if not takes_renamed_globals():
        return
    dtypes = [type(np.dtype(name)) for name in ('float64', 'int64')]
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            np.ndarray,
            np.dtype,
            *dtypes,
            *numpy_globals('_reconstruct', 'scalar'),
            (_history_buffer_getattr, 'builtins.getattr'),
        ]
    )


def use_safe_loading() -> None:
    """Make MMEngine load every path without a scheme such as ``https://`` by
    :func:`load_local_checkpoint`, in this process, from now on.
    """
    CheckpointLoader.register_scheme(prefixes='', loader=load_local_checkpoint, force=True)


@contextmanager
def safe_loading() -> Iterator[None]:
    """Let :func:`use_safe_loading` hold for a while only."""
    before = CheckpointLoader._schemes['']
    use_safe_loading()
    try:
        yield
    finally:
        CheckpointLoader.register_scheme(prefixes='', loader=before, force=True)


def load_local_checkpoint(filename: str, map_location=None) -> dict:
    """Load a checkpoint file that is whole.

    MMEngine's own loader leaves the choice to PyTorch, whose default before 2.6 is to unpickle
    anything; that of its maintained fork unpickles anything when the safe way fails.

    Args:
        filename (str): Path of the file.
        map_location (str, optional): As in ``torch.load``. Defaults to None.

    Returns:
        dict: The checkpoint; of a file with weights alone, these as its 'state_dict'.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged; the message names the newest one beside it that is whole. Or
            if it is no checkpoint.
        UnpicklingError: If it holds more than tensors, plain types and MMEngine's log buffers.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'Checkpoint {path} does not exist.')
    damage = damage_of(path)
    if damage is not None:
        raise _damaged(path, damage)
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(
            f'Checkpoint {path} was not loaded, since it is damaged or holds objects that could '
            f'run code: {str(error).splitlines()[0]} If you trust its author, load it with '
            "torch.load(..., weights_only=False) and save its 'state_dict' alone to a new file."
        ) from error
    except RuntimeError as error:
        if _READER not in str(error):
            raise
        # In what has no checksum: the table of contents.
        raise _damaged(path, str(error).split(': ', 1)[-1].split('.')[0]) from error
    return _as_checkpoint(content, path)


def _as_checkpoint(content: Any, path: Path) -> dict:
    state = content.get('state_dict', {}) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise ValueError(
            f'Checkpoint {path} is none: it holds a {type(content).__name__} without weights by '
            "name. Give a file such as a run's epoch_10.pth."
        )
    is_state = len(content) > 0 and all(isinstance(value, Tensor) for value in content.values())
    # Hooks, such as EMAHook, take 'state_dict' for granted.
    return dict(state_dict=content) if is_state else content


def _damaged(path: Path, damage: str) -> ValueError:
    whole, _ = newest_whole(path.parent, config_in(path.parent))
    remedy = (
        'Copy it again, or train anew: no other one lies beside it.'
        if whole in (None, path)
        else f'The newest one beside it that is whole is {whole}.'
    )
    return ValueError(f'Checkpoint {path} is damaged: {damage}. {remedy}')


def weights_of(checkpoint: Mapping) -> dict[str, Tensor]:
    """The weights in a checkpoint, or in a state dict alone.

    Args:
        checkpoint (Mapping): What was loaded.

    Returns:
        dict[str, Tensor]: By name, without the prefix of distributed training; possibly none.
    """
    state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, Mapping):
        return {}
    return {
        str(name).removeprefix('module.'): value
        for name, value in state.items()
        if isinstance(value, Tensor)
    }


def misfits(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Compare the weights of a checkpoint with those of a model, but for what losses keep.

    Args:
        model (nn.Module): The model.
        weights (Mapping[str, Tensor]): A state dict.

    Returns:
        dict[str, list[str]]: Names of weights: of the model that are 'missing' in the checkpoint,
        of the checkpoint that are 'unknown' to the model, and those 'of another shape'.
    """
    # A loss may keep something of every training sample, and nothing that a prediction needs.
    expected = {k: v for k, v in model.state_dict().items() if _LOSSES not in k}
    return {
        'missing': [name for name in expected if name not in weights],
        'unknown': [name for name in weights if name not in expected and _LOSSES not in name],
        'of another shape': [
            f'{name} {tuple(weights[name].shape)} instead of {tuple(value.shape)}'
            for name, value in expected.items()
            if name in weights and weights[name].shape != value.shape
        ],
    }
