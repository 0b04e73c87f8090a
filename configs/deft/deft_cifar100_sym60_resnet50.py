# DeFT on CIFAR-100 with 60% symmetric noise, another backbone in stage 2: timm's ResNet-50.
_base_ = ['./deft_cifar100_sym60.py', '../_base_/methods/deft_timm.py']

_base_.merge(_base_.pop('method'))
model = dict(
    classifier=dict(
        backbone=dict(model_name='resnet50.a1_in1k'),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(in_channels=2048),
    )
)
optim_wrapper = dict(
    classifier=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=1e-5))
)
