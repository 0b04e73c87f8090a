# DeFT's two stages. Which CLIP, and the classifier, a file beside this one says.
model = dict(
    type='DeFT',
    detector=dict(
        type='ImageClassifier',
        backbone=dict(type='CLIPVisionTransformer', peft=dict(type='VPT', num_tokens=20)),
        head=dict(type='DualPromptHead'),
    ),
)
model_wrapper_cfg = dict(type='StageDistributedDataParallel')
