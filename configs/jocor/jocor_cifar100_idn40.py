# JoCoR on CIFAR-100 with 40% instance-dependent noise.
_base_ = ['../small_loss/small_loss_cifar100_idn40.py', '../_base_/methods/jocor.py']

_base_.merge(_base_.pop('method'))
