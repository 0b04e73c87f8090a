# GMM on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../ce/ce_cifar100n.py', '../_base_/methods/gmm.py']

_base_.merge(_base_.pop('method'))
default_hooks = dict(noise_filter=dict(begin=5))  # warm-up epochs
