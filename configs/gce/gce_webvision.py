# GCE on WebVision-50:
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_webvision.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
