"""The golden files of the reference implementation, and the CLIP that they were made with.

The weights of that CLIP are not stored: every one is computed from its name and shape.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import torch
from torch import nn

from deft_mm.models.peft import BitFit

GOLDEN_DIR = Path(__file__).parent / 'data' / 'golden'
DETECTORS = (
    'vpt_deep',
    'vpt_shallow',
    'vpt_partial',
    'adapter',
    'lora',
    'ssf',
    'bias',
    'finetune',
    'front',
    'middle',
)
TOLERANCE = 1e-4


def load_golden(name: str) -> dict[str, np.ndarray]:
    """All arrays of one golden file; ``meta`` as a dict."""
    with np.load(GOLDEN_DIR / f'{name}.npz') as file:
        golden = {key: file[key] for key in file.files}
    if 'meta' in golden:
        golden['meta'] = json.loads(str(golden['meta']))
    return golden


def assert_close(actual: torch.Tensor, expected: np.ndarray, what: str = '') -> None:
    """Equal to 1e-4 of the largest entry."""
    actual = actual.detach().double().cpu().numpy()
    assert actual.shape == expected.shape, f'{what}: {actual.shape} != {expected.shape}'
    error = np.abs(actual - expected.astype(np.float64)).max()
    bound = TOLERANCE * max(np.abs(expected).max(), 1e-12)
    assert error <= bound, f'{what}: differs by {error:.3g}, allowed {bound:.3g}'


def golden_clip(meta: dict, folder: Path) -> dict:
    """Writes the golden CLIP's state dict to ``folder`` and returns its ``clip`` config value."""
    model_cfg = dict(
        embed_dim=meta['embed_dim'],
        quick_gelu=meta['activation'] == 'quick_gelu',
        vision_cfg=dict(
            image_size=meta['image_size'],
            patch_size=meta['patch_size'],
            layers=meta['vision_layers'],
            width=meta['vision_width'],
            head_width=meta['vision_width'] // meta['vision_heads'],
        ),
        text_cfg=dict(
            context_length=meta['context_length'],
            vocab_size=meta['vocab_size'],
            layers=meta['text_layers'],
            width=meta['text_width'],
            heads=meta['text_heads'],
        ),
    )
    path = Path(folder) / f'golden_{meta["weights_tag"]}.pt'
    if not path.exists():
        with torch.device('meta'):
            shapes = {
                name: tuple(value.shape)
                for name, value in open_clip.CLIP(**model_cfg).state_dict().items()
            }
        weights = {
            name: golden_weight(meta['weights_tag'], name, shape) for name, shape in shapes.items()
        }
        weights['logit_scale'] = torch.tensor(float(meta['logit_scale_log']))
        torch.save(weights, path)
    return dict(model=model_cfg, pretrained=str(path))


def golden_weight(tag: str, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The value of one parameter of the golden CLIP, by OpenAI's parameter name."""
    k = np.arange(int(np.prod(shape)), dtype=np.float64)
    phase = zlib.crc32(f'{tag}/{name}'.encode()) % 100003
    angle = 0.61803398875 * k * (1 + phase % 7) + 0.001 * phase
    u = np.sin(angle + (1e-4 * k**2) % (2 * 3.141592653589793))
    mean, std = _golden_mean_std(name, shape)
    return torch.from_numpy((mean + std * u).reshape(shape).astype(np.float32))


def _golden_mean_std(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    if '.ln_' in name or name.startswith('ln_final'):
        return (1.0, 0.2) if name.endswith('weight') else (0.0, 0.05)
    if name.endswith('bias'):
        return 0.0, 0.05
    if name == 'token_embedding.weight':
        return 0.0, 0.03
    if name == 'positional_embedding':
        return 0.0, 0.02
    if name in ('visual.positional_embedding', 'visual.class_embedding'):
        return 0.0, 0.1
    if name in ('text_projection', 'visual.proj'):
        return 0.0, 1.4 / np.sqrt(shape[0])
    return 0.0, 1.4 / np.sqrt(np.prod(shape[1:]))


def golden_peft(meta: dict) -> dict:
    """The ``peft`` config of a golden file, from the reference's options in its meta."""
    options = meta['peft']
    if options.get('vpt_deep'):
        return dict(type='VPT', num_tokens=options['vpt_len'], last_n_blocks=options.get('partial'))
    if options.get('vpt_shallow'):
        return dict(type='VPT', num_tokens=options['vpt_len'], deep=False)
    if options.get('adapter'):
        return dict(type='Adapter', dim=options['adapter_dim'], mode='replace')
    if options.get('lora'):
        return dict(type='LoRA', rank=options['lora_dim'])
    if options.get('ssf'):
        return dict(type='SSF')
    return dict(type='BitFit' if options.get('bias_tuning') else 'FullFineTune')


def named_golden_parameters(backbone: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Trained parameters of a ``CLIPVisionTransformer`` under the golden files' names.

    For ``finetune``, whose gradients are not stored, our own names are given.
    """
    if any(isinstance(method, BitFit) for method in backbone.peft.values()):
        yield from ((f'bias_list.{i}', bias) for i, bias in enumerate(_biases(backbone)))
        return
    for name, parameter in backbone.named_parameters():
        if parameter.requires_grad:
            yield _golden_name(name), parameter


def _golden_name(name: str) -> str:
    """Ours, e.g. ``peft.lora.blocks.0.q.A``, to the reference's, ``lora_list.0.q.lora_A``."""
    parts = name.split('.')
    if parts[0] != 'peft':
        return name
    method, block, rest = parts[1], parts[3], '.'.join(parts[4:])
    if method == 'vpt':
        return f'vpt_list.{block}.prompt'
    if method == 'lora':
        rest = rest.replace('.A', '.lora_A').replace('.B', '.lora_B')
    return f'{method}_list.{block}.{rest}'


def _biases(backbone: nn.Module) -> Iterator[nn.Parameter]:
    """The visual biases in the reference's order."""
    yield backbone.ln_pre.bias
    for block in backbone.transformer.resblocks:
        yield block.attn.in_proj_bias
        yield block.attn.out_proj.bias
        yield block.ln_1.bias
        yield block.mlp.c_fc.bias
        yield block.mlp.c_proj.bias
        yield block.ln_2.bias
    yield backbone.ln_post.bias


@torch.no_grad()
def load_tuner(backbone: nn.Module, golden: dict[str, np.ndarray]) -> None:
    """Copies the initial ``tuner/*`` values into the backbone's PEFT parameters (strictly)."""
    values = {
        key.removeprefix('tuner/'): value
        for key, value in golden.items()
        if key.startswith('tuner/') and not key.startswith('tuner/head.')
    }
    for name, parameter in backbone.named_parameters():
        if name.startswith('peft.'):
            value = torch.from_numpy(values.pop(_golden_name(name)))
            assert value.shape == parameter.shape, f'{name}: {value.shape} != {parameter.shape}'
            parameter.copy_(value)
    assert not values, f'not in the backbone: {sorted(values)}'
