# A detector that isn't trained: CLIP ViT-B/16 and the names of the classes.
clip = dict(model='ViT-B-16', pretrained='openai')
detector = dict(
    type='ImageClassifier',
    backbone=dict(type='CLIPVisionTransformer', clip=clip),
    head=dict(
        type='ZeroShotHead',
        clip=clip,
        num_classes=100,
        # CLIP's own; DeFT's paper (Sec. 3.1) writes it without the full stop.
        template='a photo of a {}.',
        temperature=0.01,  # changes scores, not the selection
    ),
)
del clip
