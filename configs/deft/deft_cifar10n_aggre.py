# DeFT on CIFAR-10 with human labels (CIFAR-10N, the majority of three, 9% wrong).
_base_ = './deft_cifar10n_worse.py'

train_dataloader = dict(dataset=dict(noise=dict(key='aggre_label')))
