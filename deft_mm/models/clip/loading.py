"""Towers and tokenizer of a CLIP: the one place that has open_clip build and load models."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import open_clip
import torch
from mmengine.logging import print_log
from open_clip.model import resize_pos_embed, resize_text_pos_embed
from open_clip.transformer import ResidualAttentionBlock
from torch import nn

from deft_mm.models.clip.checkpoint import OPENAI_MARKS, read_weights
from deft_mm.models.clip.clip_spec import ClipSpec, resolve_clip
from deft_mm.models.clip.clip_text import CLIPText
from deft_mm.shorten import first_few

# Stand-ins for the half that is not wanted: open_clip's constructors build both, and these
# cost next to nothing.
TOY_VISION = dict(layers=1, width=8, head_width=8, patch_size=8, image_size=8)
TOY_TEXT = dict(context_length=2, vocab_size=2, width=8, heads=1, layers=1)


def load_visual_tower(
    clip: Mapping | str, image_size: int | tuple[int, int] | None = None
) -> nn.Module:
    """Builds the visual tower of a CLIP in fp32, with its weights.

    Only this tower is ever in memory: the rest of the checkpoint is not read. Under
    ``torch.device('meta')`` nothing is read or downloaded.

    Args:
        clip (dict or str): See :func:`resolve_clip`.
        image_size (int or tuple[int, int], optional): Resolution (H, W) for which the position
            embedding is interpolated while loading. Defaults to None, the model's own.

    Returns:
        nn.Module: open_clip's ``VisionTransformer`` or ``ModifiedResNet``.

    Raises:
        ValueError: A timm tower, or weights that don't fit.
        FileNotFoundError: Weights that are not there or can't be downloaded.
    """
    spec = resolve_clip(clip)
    vision_cfg = dict(spec.model_cfg['vision_cfg'])
    if vision_cfg.get('timm_model_name'):
        raise ValueError(
            f'{spec.name} has a timm visual tower ({vision_cfg["timm_model_name"]}), which is not '
            f'supported; choose a model with a ViT or ResNet of open_clip, e.g. ViT-B-16 or RN50'
        )
    if image_size is not None:
        vision_cfg['image_size'] = image_size
    cfg = dict(embed_dim=spec.model_cfg['embed_dim'], vision_cfg=vision_cfg, text_cfg=TOY_TEXT)
    return _load_half(spec, cfg, 'visual')[0]


def load_text_tower(clip: Mapping | str) -> CLIPText:
    """Builds the frozen text tower of a CLIP in fp32, with its weights and its tokenizer.

    Only this tower is ever in memory, as in :func:`load_visual_tower`.

    Args:
        clip (dict or str): See :func:`resolve_clip`.

    Returns:
        CLIPText: The tower.

    Raises:
        ValueError: A text tower of another kind (Hugging Face, CoCa, SigLIP), or weights that
            don't fit.
        FileNotFoundError: Weights that are not there or can't be downloaded.
    """
    spec = resolve_clip(clip)
    tokenizer = _tokenizer(spec)
    keys = {'embed_dim', 'text_cfg', 'init_logit_scale'}
    cfg = {key: value for key, value in spec.model_cfg.items() if key in keys}
    tower, logit_scale = _load_half(spec, dict(cfg, vision_cfg=TOY_VISION), 'text')
    for block in tower.transformer.resblocks:
        check_block(block, f'{spec.name}, text_cfg')
    return CLIPText(tower, logit_scale, spec.model_cfg['embed_dim'], tokenizer)


def build_tokenizer(clip: Mapping | str) -> open_clip.SimpleTokenizer:
    """The BPE tokenizer that belongs to a CLIP.

    A folder (``local-dir:``, ``tiny``, ``tiny-weak``) may hold its own vocabulary: a file
    ``bpe_*vocab*``, e.g. ``bpe_simple_vocab.txt.gz``.

    Args:
        clip (dict or str): See :func:`resolve_clip`.

    Returns:
        SimpleTokenizer: Called with a list of texts, gives ids (B, context_length).

    Raises:
        ValueError: Models with another tokenizer, or a vocabulary of another size.
    """
    return _tokenizer(resolve_clip(clip))


def check_block(block: nn.Module, where: str) -> None:
    """Refuses transformer blocks other than the plain pre-norm block of CLIP.

    Raises:
        ValueError: Another kind of block; ``where`` says whose.
    """
    if type(block) is not ResidualAttentionBlock:
        raise ValueError(
            f'{where} has blocks of type {type(block).__name__} (qk_norm, scale_heads, '
            f'scaled_cosine_attn, scale_attn, scale_fc or block_type), which are not supported; '
            f'only {ResidualAttentionBlock.__name__} is'
        )


def _tokenizer(spec: ClipSpec) -> open_clip.SimpleTokenizer:
    text_cfg = open_clip.CLIPTextCfg(**spec.model_cfg['text_cfg'])
    _check_text_kind(spec, text_cfg)
    options = dict(text_cfg.tokenizer_kwargs or {}, context_length=text_cfg.context_length)
    if spec.bpe_path is not None:
        options['bpe_path'] = str(spec.bpe_path)
    tokenizer = open_clip.SimpleTokenizer(**options)
    if tokenizer.vocab_size != text_cfg.vocab_size:
        raise ValueError(
            f'{spec.name}: text_cfg.vocab_size is {text_cfg.vocab_size}, but the vocabulary '
            f"({spec.bpe_path or 'OpenAI'}) has {tokenizer.vocab_size} entries; put the model's "
            f'own BPE file (bpe_simple_vocab.txt.gz or the like) into its folder'
        )
    return tokenizer


def _check_text_kind(spec: ClipSpec, text_cfg: open_clip.CLIPTextCfg) -> None:
    """Only text towers read at the end-of-text token behind a causal mask."""
    found = None
    if text_cfg.hf_model_name:
        found = f'a Hugging Face text tower ({text_cfg.hf_model_name})'
    elif spec.model_cfg.get('multimodal_cfg') or text_cfg.embed_cls:
        found = 'the text tower of a CoCa'
    elif spec.model_cfg.get('init_logit_bias') is not None:
        found = 'the text tower and logit bias of a SigLIP'
    elif text_cfg.no_causal_mask:
        found = 'a text tower without a causal mask (text_cfg.no_causal_mask)'
    elif text_cfg.pool_type != 'argmax':
        found = f'a text tower with text_cfg.pool_type={text_cfg.pool_type!r}'
    elif text_cfg.hf_tokenizer_name:
        found = f'a Hugging Face tokenizer ({text_cfg.hf_tokenizer_name})'
    if found is not None:
        raise ValueError(
            f"{spec.name} has {found}, which is not supported: prompts need open_clip's own text "
            f'transformer with a causal mask, end-of-text pooling and BPE tokenizer, e.g. ViT-B-16'
        )


def _load_half(spec: ClipSpec, cfg: dict, half: str) -> tuple[nn.Module, torch.Tensor]:
    """One tower ('visual' or 'text') and the logit scale."""
    device = torch.empty(0).device
    path = None if device.type == 'meta' else spec.checkpoint_path()
    if path is None:
        if device.type != 'meta':
            print_log(
                f'{spec.name}: no weights given (clip.pretrained); the {half} tower is random',
                logger='current',
                level=logging.WARNING,
            )
        model = open_clip.CustomTextCLIP(**cfg, quick_gelu=bool(spec.quick_gelu))
        return getattr(model, half), model.logit_scale.detach()
    weights = read_weights(path)
    quick_gelu = _activation_of(spec, path, is_openai=not OPENAI_MARKS.isdisjoint(weights))
    if half == 'text' and 'logit_scale' not in weights:
        raise ValueError(f'{path}: logit_scale is missing')
    # Not by open_clip's `create_model`, which has a file and a whole model in memory at once.
    with torch.device('meta'):
        model = open_clip.CustomTextCLIP(**cfg, quick_gelu=quick_gelu)
    fitting = _fitting_weights(weights, model, half, path)
    tower = getattr(model, half).to_empty(device=device)
    for buffer in tower.buffers():
        buffer.zero_()
    if getattr(tower, 'attn_mask', None) is not None:
        tower.attn_mask = tower.build_causal_mask()
    tower.load_state_dict(fitting)
    return tower, weights.get('logit_scale', torch.zeros(())).to(device)


def _activation_of(spec: ClipSpec, path: Path, is_openai: bool) -> bool:
    """Whether weights want QuickGELU."""
    if is_openai and spec.quick_gelu is False:
        raise ValueError(
            f'{spec.name}: quick_gelu=False, but {path} is an OpenAI checkpoint, which was trained '
            f'with QuickGELU: leave quick_gelu out'
        )
    if spec.quick_gelu is None and not is_openai and spec.quick_gelu_tags:
        raise ValueError(
            f'{spec.name}: {path} does not tell its activation. Set clip.quick_gelu=True if its '
            f'weights were trained with QuickGELU (as {", ".join(spec.quick_gelu_tags)} were), '
            f'else clip.quick_gelu=False'
        )
    return bool(spec.quick_gelu) or is_openai


def _fitting_weights(
    weights: dict[str, torch.Tensor], model: nn.Module, half: str, path: Path
) -> dict[str, torch.Tensor]:
    """The weights of one tower, its position embedding interpolated as open_clip does it."""
    targets, prefix = getattr(model, half).state_dict(), f'{half}.'
    weights = {name: value for name, value in weights.items() if name.startswith(prefix)}
    # No weight, though OpenAI's archives have it.
    weights.pop(f'{prefix}attn_mask', None)
    misfit = f'{path} does not fit the {half} tower of clip.model:'
    if 'positional_embedding' in targets and f'{prefix}positional_embedding' in weights:
        _resize_positions(weights, targets['positional_embedding'].shape, model, half, misfit)
    weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    # Files of PyTorch older than 0.4.1 lack these, which BatchNorm sees to.
    optional = {name for name in targets if name.endswith('num_batches_tracked')}
    missing = sorted(targets.keys() - weights.keys() - optional)
    unexpected = sorted(weights.keys() - targets.keys())
    if missing or unexpected:
        raise ValueError(
            f'{misfit} {first_few(missing, 3) or "nothing"} missing, '
            f'{first_few(unexpected, 3) or "nothing"} unexpected; is it another model?'
        )
    for name, value in weights.items():
        if value.shape != targets[name].shape:
            raise ValueError(
                f'{misfit} {name} has shape {tuple(value.shape)}, expected '
                f'{tuple(targets[name].shape)}; is it another model?'
            )
    return weights


def _resize_positions(
    weights: dict[str, torch.Tensor], target: torch.Size, model: nn.Module, half: str, misfit: str
) -> None:
    name = f'{half}.positional_embedding'
    size = weights[name].shape
    if size == target or size[-1] != target[-1]:
        return
    weights[name] = weights[name].float()
    if half == 'text':
        resize_text_pos_embed(weights, model)
        return
    if math.isqrt(size[0] - 1) ** 2 != size[0] - 1:
        raise ValueError(
            f'{misfit} visual.positional_embedding has {size[0] - 1} patches, which is no square, '
            'and clip.model expects another number; set its vision_cfg.image_size'
        )
    resize_pos_embed(weights, model)
