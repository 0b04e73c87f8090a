# CoOp on WebVision-50.
_base_ = ['../ce/ce_webvision.py', '../_base_/methods/coop.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(num_classes=50))
