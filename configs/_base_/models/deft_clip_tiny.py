_base_ = './classifier_clip_tiny.py'

clip = dict(model='tiny')
model = dict(
    type='DeFT',
    detector=dict(
        type='ImageClassifier',
        backbone=dict(
            type='CLIPVisionTransformer', clip=clip, peft=dict(type='VPT', num_tokens=20)
        ),
        head=dict(type='DualPromptHead', clip=clip, num_classes=10),
    ),
    classifier=_base_.classifier,
)
model_wrapper_cfg = dict(type='StageDistributedDataParallel')
