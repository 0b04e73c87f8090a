# Stage 2 and the baselines: CLIP's image tower, new linear head, residual blocks fine-tuned. Which
# CLIP, a file beside this one says.
classifier = dict(
    type='ImageClassifier',
    backbone=dict(
        type='CLIPVisionTransformer',
        out_type='token',  # the feature before CLIP's projection
        peft=dict(type='FullFineTune'),
    ),
    head=dict(type='LinearClsHead'),
)
