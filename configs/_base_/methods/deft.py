# DeFT as on synthetic noise: CLIP ViT-B/16, VPT-deep, 10 + 10 epochs.
_base_ = ['../models/deft_clip_vit_b16.py', '../schedules/deft_10e_10e.py']
