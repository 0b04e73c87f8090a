# Small-loss on CIFAR-100 with 20% symmetric noise.
_base_ = ['../ce/ce_cifar100_sym20.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

noise_ratio = 0.2  # the nominal ratio
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio)))
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
