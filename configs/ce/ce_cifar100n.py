# Cross entropy on all samples of CIFAR-100N (human labels, 40% wrong).
_base_ = [
    '../_base_/datasets/cifar100n.py',
    '../_base_/models/classifier_clip_vit_b16.py',
    '../_base_/schedules/ce_real_world_10e.py',
]

model = _base_.classifier
