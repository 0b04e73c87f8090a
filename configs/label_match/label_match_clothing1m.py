# Label-match on Clothing1M (balanced subset).
_base_ = ['../deft/deft_clothing1m.py', '../_base_/methods/label_match.py']

_base_.merge(_base_.pop('method'))
model = dict(detector=dict(head=dict(num_classes=14)))
train_cfg = dict(max_epochs=5)
