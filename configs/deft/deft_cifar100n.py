# DeFT on CIFAR-100 with human labels (CIFAR-100N, 40% wrong):
# the reference code's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_cifar100n.py
_base_ = ['../_base_/datasets/cifar100n.py', '../_base_/methods/deft_real_world.py']
