# MixUp on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/mixup.py']

_base_.merge(_base_.pop('method'))
