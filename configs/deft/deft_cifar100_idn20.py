# DeFT on CIFAR-100 with 20% instance-dependent noise.
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/idn20.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(dataset=dict(noise_file='data/noise/cifar100_idn20.npz'))
