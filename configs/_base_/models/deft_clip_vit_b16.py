_base_ = './classifier_clip_vit_b16.py'

clip = dict(model='ViT-B-16', pretrained='openai')
model = dict(
    type='DeFT',
    detector=dict(
        type='ImageClassifier',
        backbone=dict(
            type='CLIPVisionTransformer', clip=clip, peft=dict(type='VPT', num_tokens=20)
        ),
        head=dict(type='DualPromptHead', clip=clip, num_classes=100),
    ),
    classifier=_base_.classifier,
)
model_wrapper_cfg = dict(type='StageDistributedDataParallel')
