# Cross entropy on all samples of CIFAR-100 with 60% symmetric noise, wrong labels included.
#   python tools/train.py configs/ce/ce_cifar100_sym60.py
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/sym60.py', '../_base_/methods/ce.py']

_base_.merge(_base_.pop('noise'))
