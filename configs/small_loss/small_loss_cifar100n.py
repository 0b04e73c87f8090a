# Small-loss on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../ce/ce_cifar100n.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

noise_ratio = 0.4  # 40% of the labels are wrong
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio, warmup_epochs=5)))
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
