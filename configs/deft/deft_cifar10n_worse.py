# DeFT on CIFAR-10 with human labels (CIFAR-10N, the worst of three, 40% wrong; not in the paper):
# the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_cifar10n_worse.py
_base_ = ['../_base_/datasets/cifar10n.py', '../_base_/methods/deft_real_world.py']

model = dict(detector=dict(head=dict(num_classes=10)), classifier=dict(head=dict(num_classes=10)))
