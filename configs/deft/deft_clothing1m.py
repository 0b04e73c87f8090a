# DeFT on Clothing1M (the balanced subset of 32,000 images):
# the paper's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_clothing1m.py
_base_ = [
    '../_base_/datasets/clothing1m.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_real_world_10e_5e.py',
]

train_dataloader = dict(batch_size=32)
model = dict(
    detector=dict(head=dict(num_classes=14, recipe='real_world')),
    classifier=dict(head=dict(num_classes=14)),
)
