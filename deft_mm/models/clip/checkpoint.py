"""Reading CLIP weights: tensors only, never a pickled object."""

import inspect
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

# What OpenAI's own archives have besides weights. Such a model was trained with QuickGELU.
OPENAI_MARKS = frozenset({'input_resolution', 'context_length', 'vocab_size'})
# Names of the text half where it has no prefix of its own (open_clip's `CLIP`, OpenAI's).
TEXT_ROOTS = (
    'token_embedding',
    'positional_embedding',
    'transformer',
    'ln_final',
    'text_projection',
    'attn_mask',
)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a CLIP checkpoint under one naming.

    Names are ``visual.*``, ``text.*``, ``logit_scale`` and ``logit_bias``, whichever layout the
    file has (open_clip's ``CLIP`` or ``CustomTextCLIP``, OpenAI's with its ``OPENAI_MARKS``, a
    training checkpoint with ``state_dict`` and ``module.`` inside). Files are mapped, so that the
    half of the model which nobody uses costs no memory. (Those that PyTorch older than 1.6 wrote
    can't be; they are read as a whole.)

    Args:
        path (Path): The file.

    Returns:
        dict[str, Tensor]: The weights, in the precision of the file.

    Raises:
        ValueError: A TorchScript archive, a file with anything but tensors in it, or names that
            are not those of a CLIP.
    """
    content = _read(path)
    if isinstance(content, dict) and isinstance(content.get('state_dict'), dict):
        content = content['state_dict']
    if not isinstance(content, dict) or not content:
        raise ValueError(f'{path} holds no state dict, but {type(content).__name__}')
    content = {str(name).removeprefix('module.'): value for name, value in content.items()}
    for name, value in content.items():
        if not torch.is_tensor(value) and name not in OPENAI_MARKS:
            raise ValueError(f'{path}: {name!r} is no tensor; a CLIP state dict has nothing else')
    return {_common_name(name, path): value for name, value in content.items()}


def _common_name(name: str, path: Path) -> str:
    root = name.split('.')[0]
    if root in TEXT_ROOTS:
        return f'text.{name}'
    if root in ('visual', 'text', 'logit_scale', 'logit_bias', *OPENAI_MARKS):
        return name
    raise ValueError(
        f'{path} is not an open_clip or OpenAI CLIP state dict: it has {name!r}, but '
        f'names must start with visual., text., transformer., token_embedding., ... (a whole '
        f'classifier of this package is loaded with load_from, not with clip.pretrained)'
    )


def _read(path: Path) -> Any:
    if path.suffix == '.safetensors':
        try:
            return load_file(str(path))
        except SafetensorError as error:
            raise ValueError(f'{path} is not a readable safetensors file: {error}') from error
    if path.suffix in ('.npz', '.npy'):
        raise ValueError(f'{path}: NumPy weights are not supported; convert them to a state dict')
    if _is_torchscript(path):
        raise ValueError(
            f'{path} is a TorchScript archive (as OpenAI published them), which can run code and '
            f"is not opened. Use the tag instead (clip.pretrained='openai'), or, if you trust the "
            f'file, write its state dict once: '
            f"torch.save(torch.jit.load('{path.name}', map_location='cpu').state_dict(), 'clip.pt')"
        )
    # `mmap` came with torch 2.1, and works on zip files only.
    options = {}
    if 'mmap' in inspect.signature(torch.load).parameters and zipfile.is_zipfile(path):
        options['mmap'] = True
    try:
        return torch.load(str(path), map_location='cpu', weights_only=True, **options)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(
            f'{path} could not be read as plain tensors (weights_only=True). It is damaged, or '
            f'holds pickled objects, which are never loaded; save a bare state dict instead. '
            f'Reason: {error}'
        ) from error


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())
