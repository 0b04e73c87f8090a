# SCE on WebVision-50:
# cross entropy exchanged for symmetric cross entropy.
_base_ = '../ce/ce_webvision.py'

model = dict(head=dict(loss=dict(type='SCELoss', alpha=1.0, beta=1.0)))
