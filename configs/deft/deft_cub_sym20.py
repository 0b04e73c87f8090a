# DeFT on CUB-200-2011 with 20% symmetric noise: CLIP ViT-B/16, VPT-deep, 10 + 10 epochs.
#   python tools/train.py configs/deft/deft_cub_sym20.py
_base_ = ['../_base_/datasets/cub.py', '../_base_/noise/sym20.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
model = dict(detector=dict(head=dict(num_classes=200)), classifier=dict(head=dict(num_classes=200)))
