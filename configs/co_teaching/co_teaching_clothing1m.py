# Co-teaching on Clothing1M (balanced subset).
_base_ = ['../small_loss/small_loss_clothing1m.py', '../_base_/methods/co_teaching.py']

_base_.merge(_base_.pop('method'))
