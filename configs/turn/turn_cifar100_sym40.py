# TURN on CIFAR-100 with 40% symmetric noise.
_base_ = ['../deft/deft_cifar100_sym40.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
