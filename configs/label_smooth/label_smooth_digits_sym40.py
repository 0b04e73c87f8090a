# Label smoothing on the digits with 40% symmetric noise.
_base_ = ['../ce/ce_digits_sym40.py', '../_base_/methods/label_smooth.py']

_base_.merge(_base_.pop('method'))
