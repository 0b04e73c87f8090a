# DeFT on CUB-200-2011 with 20% symmetric noise: CLIP ViT-B/16, VPT-deep, 10 + 10 epochs.
#   python tools/train.py configs/deft/deft_cub_sym20.py
_base_ = [
    '../_base_/datasets/cub.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_10e_10e.py',
]

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.2, seed=0)))
model = dict(detector=dict(head=dict(num_classes=200)), classifier=dict(head=dict(num_classes=200)))
