# Cross entropy on all samples of Clothing1M (balanced subset).
_base_ = ['../_base_/datasets/clothing1m.py', '../_base_/methods/ce_real_world.py']

train_dataloader = dict(batch_size=32)  # the reference code's; the paper has 64
model = dict(head=dict(num_classes=14))
