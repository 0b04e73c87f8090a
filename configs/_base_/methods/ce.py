# Cross entropy on all samples: CLIP ViT-B/16's image tower as stage 2 of DeFT trains it.
_base_ = ['../models/classifier_clip_vit_b16.py', '../schedules/ce_10e.py']

model = _base_.classifier
