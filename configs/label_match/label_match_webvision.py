# Label-match on WebVision-50.
_base_ = ['../deft/deft_webvision.py', '../_base_/methods/label_match.py']

_base_.merge(_base_.pop('method'))
model = dict(detector=dict(head=dict(num_classes=50)))
train_cfg = dict(max_epochs=5)
