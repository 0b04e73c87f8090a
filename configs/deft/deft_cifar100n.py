# DeFT on CIFAR-100 with human labels (CIFAR-100N, 40% wrong):
# the paper's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_cifar100n.py
_base_ = [
    '../_base_/datasets/cifar100n.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_real_world_10e_5e.py',
]

model = dict(detector=dict(head=dict(recipe='real_world')))
