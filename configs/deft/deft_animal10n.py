# DeFT on ANIMAL-10N (8% wrong; not in the paper): the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_animal10n.py
_base_ = ['../_base_/datasets/animal10n.py', '../_base_/methods/deft_real_world.py']

model = dict(detector=dict(head=dict(num_classes=10)), classifier=dict(head=dict(num_classes=10)))
