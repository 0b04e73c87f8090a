"""Towers and tokenizer of a CLIP: the one place that has open_clip build and load models."""

import logging
import math
from collections.abc import Mapping
from types import SimpleNamespace

import open_clip
import torch
from mmengine.logging import print_log
from open_clip.model import resize_pos_embed, resize_text_pos_embed
from open_clip.transformer import ResidualAttentionBlock
from torch import nn

from deft_mm.models.clip.checkpoint import Checkpoint
from deft_mm.models.clip.clip_spec import ClipSpec, resolve_clip
from deft_mm.models.clip.clip_text import CLIPText

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
    _check_text_kind(spec)
    tokenizer = _tokenizer(spec)
    cfg = {
        key: spec.model_cfg[key]
        for key in ('embed_dim', 'text_cfg', 'init_logit_scale')
        if key in spec.model_cfg
    }
    tower, logit_scale = _load_half(spec, dict(cfg, vision_cfg=TOY_VISION), 'text')
    for block in tower.transformer.resblocks:
        check_block(block, f'{spec.name}, text_cfg')
    return CLIPText(tower, logit_scale, spec.model_cfg['embed_dim'], tokenizer)


def build_tokenizer(clip: Mapping | str) -> open_clip.SimpleTokenizer:
    """The BPE tokenizer that belongs to a CLIP.

    A folder (``local-dir:``, ``tiny``) may hold its own vocabulary: a file ``bpe_*vocab*``, e.g.
    ``bpe_simple_vocab.txt.gz``.

    Args:
        clip (dict or str): See :func:`resolve_clip`.

    Returns:
        SimpleTokenizer: Called with a list of texts, gives ids (B, context_length).

    Raises:
        ValueError: Models with another tokenizer, or a vocabulary of another size.
    """
    spec = resolve_clip(clip)
    _check_text_kind(spec)
    return _tokenizer(spec)


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


def _check_text_kind(spec: ClipSpec) -> None:
    """Only text towers read at the end-of-text token behind a causal mask."""
    text_cfg = open_clip.CLIPTextCfg(**spec.model_cfg['text_cfg'])
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
    if device.type == 'meta':
        return _build_half(cfg, half, bool(spec.quick_gelu))
    path = spec.checkpoint_path()
    if path is None:
        print_log(
            f'{spec.name}: no weights given (clip.pretrained); the {half} tower is random',
            logger='current',
            level=logging.WARNING,
        )
        return _build_half(cfg, half, bool(spec.quick_gelu))
    checkpoint = Checkpoint(path)
    if checkpoint.openai and spec.quick_gelu is False:
        raise ValueError(
            f'{spec.name}: quick_gelu=False, but {path} is an OpenAI checkpoint, which was trained '
            f'with QuickGELU: leave quick_gelu out'
        )
    if spec.quick_gelu is None and not checkpoint.openai and spec.quick_gelu_tags:
        raise ValueError(
            f'{spec.name}: {path} does not tell its activation. Set clip.quick_gelu=True if its '
            f'weights were trained with QuickGELU (as {", ".join(spec.quick_gelu_tags)} were), '
            f'else clip.quick_gelu=False'
        )
    # Weights are copied into an empty tower tensor by tensor: it never exists twice.
    with torch.device('meta'):
        tower, logit_scale = _build_half(cfg, half, bool(spec.quick_gelu) or checkpoint.openai)
    tower.to_empty(device=device)
    for buffer in tower.buffers():
        buffer.zero_()
    if getattr(tower, 'attn_mask', None) is not None:
        tower.attn_mask = tower.build_causal_mask()
    _fill(tower, checkpoint, half)
    if half == 'text':
        if 'logit_scale' not in checkpoint:
            raise ValueError(f'{path}: logit_scale is missing')
        logit_scale = checkpoint['logit_scale'].to(device)
    return tower, logit_scale


def _build_half(cfg: dict, half: str, quick_gelu: bool) -> tuple[nn.Module, torch.Tensor]:
    # `CustomTextCLIP` keeps its text tower in one module; the towers are those of `CLIP`.
    model = open_clip.CustomTextCLIP(**cfg, quick_gelu=quick_gelu)
    return getattr(model, half), model.logit_scale.detach()


@torch.no_grad()
def _fill(tower: nn.Module, checkpoint: Checkpoint, half: str) -> None:
    targets = tower.state_dict()
    # Old files lack the first (PyTorch < 0.4.1), or have the second, which is no weight.
    optional = {name for name in targets if name.endswith('num_batches_tracked')}
    found = checkpoint.names(half)
    missing = sorted(targets.keys() - found - optional)
    unexpected = sorted(found - targets.keys() - {'attn_mask'})
    if missing or unexpected:
        raise ValueError(
            f'{checkpoint.path} does not fit the {half} tower of clip.model: '
            f'{_some(missing)} missing, {_some(unexpected)} unexpected; is it another model?'
        )
    for name in sorted(targets.keys() & found):
        shape, target = checkpoint.shape(f'{half}.{name}'), targets[name]
        resizable = name == 'positional_embedding' and shape[-1] == target.shape[-1]
        if shape != tuple(target.shape) and not resizable:
            raise ValueError(
                f'{checkpoint.path} does not fit the {half} tower of clip.model: {name} has shape '
                f'{shape}, expected {tuple(target.shape)}; is it another model?'
            )
        value = checkpoint[f'{half}.{name}']
        if shape != tuple(target.shape):
            value = _resized(value.float(), tower, half, checkpoint)
        target.copy_(value)


def _resized(
    value_TD: torch.Tensor, tower: nn.Module, half: str, checkpoint: Checkpoint
) -> torch.Tensor:
    """A position embedding of another size, interpolated as open_clip does it."""
    state = {f'{half}.positional_embedding': value_TD}
    if half == 'text':
        resize_text_pos_embed(state, tower)
    else:
        patches = len(value_TD) - 1
        if math.isqrt(patches) ** 2 != patches:
            raise ValueError(
                f'{checkpoint.path}: visual.positional_embedding has {patches} patches, which is '
                f'no square, and clip.model expects another number; set its vision_cfg.image_size'
            )
        resize_pos_embed(state, SimpleNamespace(visual=tower))
    return state[f'{half}.positional_embedding']


def _some(names: list[str]) -> str:
    if not names:
        return 'nothing'
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return ', '.join(names[:3]) + more
