# DeFT on CIFAR-100 with 60% symmetric noise, another backbone in stage 2: timm's ViT-B/16 (MAE).
_base_ = ['./deft_cifar100_sym60.py', '../_base_/methods/deft_timm.py']

_base_.merge(_base_.pop('method'))
model = dict(
    classifier=dict(
        backbone=dict(model_name='vit_base_patch16_224.mae'),
        neck=dict(type='ClassTokenNeck'),
        head=dict(in_channels=768),
    )
)
optim_wrapper = dict(
    classifier=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=1e-3))
)
