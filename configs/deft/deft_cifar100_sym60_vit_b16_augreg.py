# DeFT on CIFAR-100 with 60% symmetric noise, another backbone in stage 2: timm's ViT-B/16 (AugReg),
# weights downloaded from the Hugging Face hub. The detector is CLIP's as before.
_base_ = './deft_cifar100_sym60.py'

model = dict(
    classifier=dict(
        _delete_=True,
        type='ImageClassifier',
        backbone=dict(
            type='TIMMBackbone', model_name='vit_base_patch16_224.augreg_in1k', pretrained=True
        ),
        neck=dict(type='ClassTokenNeck'),
        head=dict(type='LinearClsHead', num_classes=100, in_channels=768),
    )
)
optim_wrapper = dict(
    classifier=dict(optimizer=dict(_delete_=True, type='SGD', lr=1e-2, weight_decay=1e-5))
)
