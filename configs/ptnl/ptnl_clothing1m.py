# PTNL on Clothing1M (balanced subset).
_base_ = ['../ce/ce_clothing1m.py', '../_base_/methods/ptnl.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(num_classes=14))
