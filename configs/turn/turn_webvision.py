# TURN on WebVision-50.
_base_ = ['../deft/deft_webvision.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
model = dict(detector=dict(head=dict(num_classes=50)))
train_cfg = dict(max_epochs=10)  # 5 of the probe, 5 of stage 2 as DeFT has it here
