# Small-loss on Clothing1M (balanced subset).
_base_ = ['../ce/ce_clothing1m.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

noise_ratio = 0.38  # about 38% of the labels are wrong
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio)))
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
