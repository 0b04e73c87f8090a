# DeFT on Clothing1M (the balanced subset of 32,000 images):
# the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_clothing1m.py
_base_ = ['../_base_/datasets/clothing1m.py', '../_base_/methods/deft_real_world.py']

train_dataloader = dict(batch_size=32)  # the reference code's; the paper has 64
model = dict(detector=dict(head=dict(num_classes=14)), classifier=dict(head=dict(num_classes=14)))
