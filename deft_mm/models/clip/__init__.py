from deft_mm.models.clip.clip_facts import ClipFacts, clip_facts, clip_named
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
    'ClipFacts',
    'ClipSpec',
    'build_tokenizer',
    'check_block',
    'clip_facts',
    'clip_named',
    'load_text_tower',
    'load_visual_tower',
    'resolve_clip',
]
