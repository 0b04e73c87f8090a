# Stage 2 and the baselines: CLIP ViT-B/16's image tower, new linear head,
# residual blocks fine-tuned.
classifier = dict(
    type='ImageClassifier',
    backbone=dict(
        type='CLIPVisionTransformer',
        clip=dict(model='ViT-B-16', pretrained='openai'),
        out_type='token',  # the feature before CLIP's projection
        peft=dict(type='FullFineTune'),
    ),
    head=dict(type='LinearClsHead', num_classes=100, in_channels=768),
)
