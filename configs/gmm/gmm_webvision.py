# GMM on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/gmm.py']

_base_.merge(_base_.pop('method'))
default_hooks = dict(noise_filter=dict(begin=5))  # warm-up epochs
