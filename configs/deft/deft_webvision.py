# DeFT on WebVision-50: the paper's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_webvision.py
_base_ = [
    '../_base_/datasets/webvision.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_real_world_10e_5e.py',
]

model = dict(
    detector=dict(head=dict(num_classes=50, recipe='real_world')),
    classifier=dict(head=dict(num_classes=50)),
)
