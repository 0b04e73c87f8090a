# Cross entropy on all samples of CIFAR-100 with 60% symmetric noise, wrong labels included.
# The loss-based methods exchange one part of this config.
#   python tools/train.py configs/ce/ce_cifar100_sym60.py
_base_ = [
    '../_base_/datasets/cifar100.py',
    '../_base_/models/classifier_clip_vit_b16.py',
    '../_base_/schedules/ce_10e.py',
]

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.6, seed=0)))
model = _base_.classifier
