# Stage 2 of DeFT trains another backbone: one of timm's, whose weights are downloaded from the
# Hugging Face hub. The detector is CLIP's as before. A config names the model and the paper's
# optimiser for it.
method = dict(
    model=dict(
        classifier=dict(
            _delete_=True,
            type='ImageClassifier',
            backbone=dict(type='TIMMBackbone', pretrained=True),
            head=dict(type='LinearClsHead', num_classes=100),
        )
    )
)
