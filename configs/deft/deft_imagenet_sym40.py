# DeFT on ImageNet with 40% symmetric noise.
#   bash tools/dist_train.sh configs/deft/deft_imagenet_sym40.py 8
_base_ = [
    '../_base_/datasets/imagenet.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_10e_10e.py',
]

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.4, seed=0)))
model = dict(
    detector=dict(head=dict(num_classes=1000)), classifier=dict(head=dict(num_classes=1000))
)
