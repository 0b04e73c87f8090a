# DeFT on CIFAR-100 with 50% instance-dependent noise: severe.
_base_ = [
    '../_base_/datasets/cifar100.py',
    '../_base_/noise/idn50.py',
    '../_base_/methods/deft_severe.py',
]

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(dataset=dict(noise_file='data/noise/cifar100_idn50.npz'))
