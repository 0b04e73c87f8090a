# PTNL on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../ce/ce_cifar100n.py', '../_base_/methods/ptnl.py']

_base_.merge(_base_.pop('method'))
