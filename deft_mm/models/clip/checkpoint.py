"""Reading CLIP weights: tensors only, one at a time, never a pickled object."""

import inspect
import pickle
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

# What OpenAI's own archives have besides weights. Such a model was trained with QuickGELU.
OPENAI_MARKS = ('input_resolution', 'context_length', 'vocab_size')
# Names of the text half where it has no prefix of its own (open_clip's `CLIP`, OpenAI's).
TEXT_ROOTS = (
    'token_embedding',
    'positional_embedding',
    'transformer',
    'ln_final',
    'text_projection',
    'attn_mask',
    'cls_emb',
)


class Checkpoint:
    """The tensors of a CLIP checkpoint under one naming, read one by one.

    Names are ``visual.*``, ``text.*``, ``logit_scale`` and ``logit_bias``, whichever layout the
    file has (open_clip's ``CLIP`` or ``CustomTextCLIP``, OpenAI's, a training checkpoint with
    ``state_dict`` and ``module.`` inside). Safetensors are read lazily and other files mapped, so
    that the half of the model which nobody asks for costs no memory. (Files that PyTorch
    older than 1.6 wrote can't be mapped; they are read as a whole.)

    Args:
        path (Path): The file.

    Raises:
        ValueError: A TorchScript archive, a file with anything but tensors in it, or names that
            are not those of a CLIP.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = None
        if path.suffix == '.safetensors':
            try:
                self._handle = safe_open(str(path), framework='pt', device='cpu')
            except SafetensorError as error:
                raise ValueError(f'{path} is not a readable safetensors file: {error}') from error
            raw_names = list(self._handle.keys())
        else:
            self._tensors = _read_tensors(path)
            raw_names = list(self._tensors)
        self._raw_names: dict[str, str] = {}
        self.openai = False
        for raw in raw_names:
            name = raw.removeprefix('module.')
            if name in OPENAI_MARKS:
                self.openai = True
            else:
                self._raw_names[self._canonical(name)] = raw

    def _canonical(self, name: str) -> str:
        root = name.split('.')[0]
        if root in TEXT_ROOTS:
            return f'text.{name}'
        if root in ('visual', 'text', 'logit_scale', 'logit_bias'):
            return name
        raise ValueError(
            f'{self.path} is not an open_clip or OpenAI CLIP state dict: it has {name!r}, but '
            f'names must start with visual., text., transformer., token_embedding., ... (a whole '
            f'classifier of this package is loaded with load_from, not with clip.pretrained)'
        )

    def names(self, half: str) -> set[str]:
        """Names below ``half`` ('visual' or 'text'), without that prefix."""
        start = f'{half}.'
        return {name[len(start) :] for name in self._raw_names if name.startswith(start)}

    def __contains__(self, name: str) -> bool:
        return name in self._raw_names

    def __getitem__(self, name: str) -> torch.Tensor:
        raw = self._raw_names[name]
        if self._handle is not None:
            return self._handle.get_tensor(raw)
        return self._tensors[raw]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, without reading it."""
        raw = self._raw_names[name]
        if self._handle is not None:
            return tuple(self._handle.get_slice(raw).get_shape())
        return tuple(self._tensors[raw].shape)


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
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
        content = torch.load(str(path), map_location='cpu', weights_only=True, **options)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(
            f'{path} could not be read as plain tensors (weights_only=True). It is damaged, or '
            f'holds pickled objects, which are never loaded; save a bare state dict instead. '
            f'Reason: {error}'
        ) from error
    if isinstance(content, dict) and isinstance(content.get('state_dict'), dict):
        content = content['state_dict']
    if not isinstance(content, dict) or not content:
        raise ValueError(f'{path} holds no state dict, but {type(content).__name__}')
    tensors = {name: value for name, value in content.items() if torch.is_tensor(value)}
    for name in content.keys() - tensors.keys():
        if str(name).removeprefix('module.') not in OPENAI_MARKS:
            raise ValueError(f'{path}: {name!r} is no tensor; a CLIP state dict has nothing else')
        tensors[name] = torch.tensor(0)
    return tensors


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith('/constants.pkl') for name in archive.namelist())
