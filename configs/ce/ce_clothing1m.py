# Cross entropy on all samples of Clothing1M (balanced subset).
_base_ = [
    '../_base_/datasets/clothing1m.py',
    '../_base_/models/classifier_clip_vit_b16.py',
    '../_base_/schedules/ce_real_world_10e.py',
]

train_dataloader = dict(batch_size=32)
model = dict(**_base_.classifier)
model['head'] = dict(type='LinearClsHead', num_classes=14, in_channels=768)
