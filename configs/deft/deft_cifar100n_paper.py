# DeFT on CIFAR-100N (human labels, 40% wrong) as the paper's text has it: 10 + 10 epochs, batch 64.
_base_ = ['../_base_/datasets/cifar100n.py', '../_base_/methods/deft_real_world_paper.py']
