# Label smoothing on Clothing1M (balanced subset).
_base_ = ['../ce/ce_clothing1m.py', '../_base_/methods/label_smooth.py']

_base_.merge(_base_.pop('method'))
