# DeFT on Clothing1M (the balanced subset of 32,000 images)
# as the paper's text has it: 10 + 10 epochs, batch 64.
_base_ = ['../_base_/datasets/clothing1m.py', '../_base_/methods/deft_real_world_paper.py']

model = dict(detector=dict(head=dict(num_classes=14)), classifier=dict(head=dict(num_classes=14)))
