# Co-teaching on WebVision-50.
_base_ = ['../small_loss/small_loss_webvision.py', '../_base_/methods/co_teaching.py']

_base_.merge(_base_.pop('method'))
