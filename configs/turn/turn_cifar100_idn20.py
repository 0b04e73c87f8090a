# TURN on CIFAR-100 with 20% instance-dependent noise.
_base_ = ['../deft/deft_cifar100_idn20.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
