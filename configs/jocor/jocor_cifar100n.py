# JoCoR on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../small_loss/small_loss_cifar100n.py', '../_base_/methods/jocor.py']

_base_.merge(_base_.pop('method'))
