# ELR on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/elr.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(loss=dict(num_classes=50)))
