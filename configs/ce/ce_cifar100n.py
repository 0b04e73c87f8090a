# Cross entropy on all samples of CIFAR-100N (human labels, 40% wrong).
_base_ = ['../_base_/datasets/cifar100n.py', '../_base_/methods/ce_real_world.py']
