# DeFT on WebVision-50 as the paper's text has it: 10 + 10 epochs, batch 64.
_base_ = ['../_base_/datasets/webvision.py', '../_base_/methods/deft_real_world_paper.py']

model = dict(detector=dict(head=dict(num_classes=50)), classifier=dict(head=dict(num_classes=50)))
