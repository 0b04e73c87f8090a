# A linear probe: CLIP ViT-B/16's image tower as it is, and a linear head that is trained.
detector = dict(
    type='ImageClassifier',
    backbone=dict(
        type='CLIPVisionTransformer',
        clip=dict(model='ViT-B-16', pretrained='openai'),
        out_type='token',  # the feature before CLIP's projection
    ),
    head=dict(type='LinearClsHead', num_classes=100, in_channels=768),
)
