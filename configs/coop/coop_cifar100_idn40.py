# CoOp on CIFAR-100 with 40% instance-dependent noise.
_base_ = ['../ce/ce_cifar100_idn40.py', '../_base_/methods/coop.py']

_base_.merge(_base_.pop('method'))
