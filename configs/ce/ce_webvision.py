# Cross entropy on all samples of WebVision-50.
_base_ = [
    '../_base_/datasets/webvision.py',
    '../_base_/models/classifier_clip_vit_b16.py',
    '../_base_/schedules/ce_real_world_10e.py',
]

model = dict(**_base_.classifier)
model['head'] = dict(type='LinearClsHead', num_classes=50, in_channels=768)
