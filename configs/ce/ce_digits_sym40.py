# Cross entropy on all samples, wrong labels included: stage 2 of DeFT without stage 1.
#   python tools/train.py configs/ce/ce_digits_sym40.py
_base_ = [
    '../_base_/datasets/digits.py',
    '../_base_/noise/sym40.py',
    '../_base_/models/classifier_clip_tiny.py',
    '../_base_/schedules/ce_10e.py',
]

_base_.merge(_base_.pop('noise'))
model = _base_.classifier

# As stage 2 of deft_digits_sym40.py.
optim_wrapper = dict(optimizer=dict(lr=0.02))
train_cfg = dict(max_epochs=20)
default_hooks = dict(logger=dict(interval=21))
