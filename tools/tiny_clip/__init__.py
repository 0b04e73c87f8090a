"""Parts of the script that pre-trains the built-in tiny CLIP (`tools/pretrain_tiny_clip.py`)."""
