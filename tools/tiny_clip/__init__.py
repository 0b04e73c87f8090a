"""How the built-in tiny CLIP (`deft_mm/assets/tiny_clip`) was made: `pretrain` is the script."""
