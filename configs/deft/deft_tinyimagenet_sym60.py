# DeFT on Tiny-ImageNet with 60% symmetric noise.
_base_ = ['./deft_tinyimagenet_sym20.py', '../_base_/noise/sym60.py']

_base_.merge(_base_.pop('noise'))
