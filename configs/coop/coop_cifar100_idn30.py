# CoOp on CIFAR-100 with 30% instance-dependent noise.
_base_ = ['../ce/ce_cifar100_idn30.py', '../_base_/methods/coop.py']

_base_.merge(_base_.pop('method'))
