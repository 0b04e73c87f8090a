# Co-teaching on CIFAR-100 with 60% symmetric noise.
_base_ = ['../small_loss/small_loss_cifar100_sym60.py', '../_base_/methods/co_teaching.py']

_base_.merge(_base_.pop('method'))
