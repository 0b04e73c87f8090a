# DeFT on CIFAR-10 with human labels (CIFAR-10N, the worst of three, 40% wrong):
# the paper's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_cifar10n_worse.py
_base_ = [
    '../_base_/datasets/cifar10n.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_real_world_10e_5e.py',
]

model = dict(
    detector=dict(head=dict(num_classes=10, recipe='real_world')),
    classifier=dict(head=dict(num_classes=10)),
)
