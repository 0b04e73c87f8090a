# TURN on Clothing1M (balanced subset).
_base_ = ['../deft/deft_clothing1m.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
model = dict(detector=dict(head=dict(num_classes=14)))
train_cfg = dict(max_epochs=10)  # 5 of the probe, 5 of stage 2 as DeFT has it here
