# Cross entropy on all samples of CIFAR-100 with 40% symmetric noise.
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/sym40.py', '../_base_/methods/ce.py']

train_dataloader = dict(dataset=dict(noise=_base_.pop('noise')))
