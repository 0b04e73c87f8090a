# DeFT on WebVision-50: the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_webvision.py
_base_ = ['../_base_/datasets/webvision.py', '../_base_/methods/deft_real_world.py']

model = dict(detector=dict(head=dict(num_classes=50)), classifier=dict(head=dict(num_classes=50)))
