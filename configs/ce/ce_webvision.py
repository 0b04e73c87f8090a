# Cross entropy on all samples of WebVision-50.
_base_ = ['../_base_/datasets/webvision.py', '../_base_/methods/ce_real_world.py']

model = dict(head=dict(num_classes=50))
