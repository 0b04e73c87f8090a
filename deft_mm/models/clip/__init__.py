from deft_mm.models.clip.clip_spec import ClipSpec, resolve_clip
from deft_mm.models.clip.clip_text import CLIPText
from deft_mm.models.clip.loading import (
    build_tokenizer,
    check_block,
    load_text_tower,
    load_visual_tower,
)

__all__ = [
    'CLIPText',
    'ClipSpec',
    'build_tokenizer',
    'check_block',
    'load_text_tower',
    'load_visual_tower',
    'resolve_clip',
]
