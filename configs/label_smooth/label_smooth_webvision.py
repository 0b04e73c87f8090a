# Label smoothing on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/label_smooth.py']

_base_.merge(_base_.pop('method'))
