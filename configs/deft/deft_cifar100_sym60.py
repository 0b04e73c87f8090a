# DeFT on CIFAR-100 with 60% symmetric noise, the paper's setting:
# CLIP ViT-B/16, VPT-deep, 10 + 10 epochs.
#   python tools/train.py configs/deft/deft_cifar100_sym60.py
# Published (arXiv 2409.19696): detection F1 97.15, accuracy after the last epoch 85.72.
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/sym60.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
