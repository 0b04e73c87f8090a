# TURN on CIFAR-100 with 60% symmetric noise.
_base_ = ['../deft/deft_cifar100_sym60.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
