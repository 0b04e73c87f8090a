# ELR on WebVision-50:
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_webvision.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=50)))
