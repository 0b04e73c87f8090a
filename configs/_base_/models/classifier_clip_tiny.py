# Stage 2 and the baselines: the tiny CLIP's image tower, new linear head,
# residual blocks fine-tuned.
classifier = dict(
    type='ImageClassifier',
    backbone=dict(
        type='CLIPVisionTransformer',
        clip=dict(model='tiny'),
        out_type='token',  # the feature before CLIP's projection
        peft=dict(type='FullFineTune'),
    ),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=128),
)
