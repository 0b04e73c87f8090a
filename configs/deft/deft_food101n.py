# DeFT on Food-101N (20% wrong; not in the paper): the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_food101n.py
_base_ = ['../_base_/datasets/food101n.py', '../_base_/methods/deft_real_world.py']

model = dict(detector=dict(head=dict(num_classes=101)), classifier=dict(head=dict(num_classes=101)))
