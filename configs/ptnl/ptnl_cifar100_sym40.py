# PTNL on CIFAR-100 with 40% symmetric noise.
_base_ = ['../ce/ce_cifar100_sym40.py', '../_base_/methods/ptnl.py']

_base_.merge(_base_.pop('method'))
