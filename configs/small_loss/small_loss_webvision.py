# Small-loss on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

noise_ratio = 0.2  # about 20% of the labels are wrong
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio, warmup_epochs=5)))
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
