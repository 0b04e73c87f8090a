# DeFT on CIFAR-10 with human labels (CIFAR-10N, the first of three, 17% wrong).
_base_ = './deft_cifar10n_worse.py'

train_dataloader = dict(dataset=dict(noise=dict(key='random_label1')))
