# DeFT on the digits with 40% symmetric noise, the recipe for a CLIP that knows the classes badly.
#   python tools/train.py configs/deft/deft_digits_sym40_cautious.py
_base_ = ['./deft_digits_sym40.py', '../_base_/methods/deft_cautious.py']

_base_.merge(_base_.pop('method'))
