# DeFT on CIFAR-100 with 40% symmetric noise.
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/sym40.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
