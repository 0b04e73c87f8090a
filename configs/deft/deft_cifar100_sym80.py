# DeFT on CIFAR-100 with 80% symmetric noise: severe.
_base_ = [
    '../_base_/datasets/cifar100.py',
    '../_base_/noise/sym80.py',
    '../_base_/methods/deft_severe.py',
]

_base_.merge(_base_.pop('noise'))
