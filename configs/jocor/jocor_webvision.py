# JoCoR on WebVision-50.
_base_ = ['../small_loss/small_loss_webvision.py', '../_base_/methods/jocor.py']

_base_.merge(_base_.pop('method'))
