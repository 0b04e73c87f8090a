"""The model's architecture, and its folder in open_clip's `local-dir:` layout."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import open_clip
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save

from .drawing import IMAGE_SIZE, MEAN, STD

CONFIG_NAME = 'open_clip_config.json'
WEIGHTS_NAME = 'open_clip_model.safetensors'
VOCABULARY_NAME = 'bpe_vocab.txt.gz'
CONTEXT_LENGTH = 77


def build_config(vocab_size: int) -> dict:
    """What `open_clip_config.json` holds.

    `tokenizer_kwargs` names the vocabulary without a folder. open_clip would look for it in
    the working directory, so a caller must pass the absolute `bpe_path`; one who forgets to
    gets an error, where a config without the entry would silently give OpenAI's vocabulary.
    """
    return {
        'model_cfg': {
            'embed_dim': 64,
            'quick_gelu': False,
            'vision_cfg': {
                'image_size': IMAGE_SIZE,
                'patch_size': 8,
                'width': 128,
                'layers': 4,
                'head_width': 32,
            },
            'text_cfg': {
                'context_length': CONTEXT_LENGTH,
                'vocab_size': vocab_size,
                'width': 128,
                'heads': 4,
                'layers': 3,
                'tokenizer_kwargs': {'bpe_path': VOCABULARY_NAME},
            },
        },
        'preprocess_cfg': {
            'size': [IMAGE_SIZE, IMAGE_SIZE],
            'mode': 'RGB',
            'mean': list(MEAN),
            'std': list(STD),
            'interpolation': 'bilinear',
            'resize_mode': 'squash',
        },
    }


def build_model(vocab_size: int) -> CLIP:
    """The untrained model, initialised from torch's global random state."""
    return CLIP(**build_config(vocab_size)['model_cfg'])


def build_tokenizer(vocabulary: Path) -> SimpleTokenizer:
    """open_clip's tokenizer over a vocabulary file."""
    return SimpleTokenizer(bpe_path=str(vocabulary.resolve()), context_length=CONTEXT_LENGTH)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', dir=path.parent)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: dict) -> None:
    """Write readable JSON atomically."""
    write_atomically(path, (json.dumps(content, indent=2) + '\n').encode('utf-8'))


def weights_bytes(model: CLIP) -> bytes:
    """The safetensors file of a model, in half precision to keep the package small."""
    state = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    return save(state)


def load_folder(folder: Path) -> tuple[CLIP, SimpleTokenizer]:
    """Load a written folder the way its users do: the model in float32, and its tokenizer."""
    folder = folder.resolve()
    for name in (CONFIG_NAME, WEIGHTS_NAME, VOCABULARY_NAME):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f'{folder} has no {name}; make the folder with '
                '`python -m tools.tiny_clip.pretrain --out FOLDER`.'
            )
    model = open_clip.create_model(f'local-dir:{folder}', precision='fp32')
    model.eval()
    return model, build_tokenizer(folder / VOCABULARY_NAME)


def as_stored(model: CLIP) -> CLIP:
    """Round a model's parameters to what the file keeps, so figures are those of the file."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    return model
