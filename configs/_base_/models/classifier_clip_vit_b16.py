_base_ = './classifier_clip.py'

classifier = dict(
    backbone=dict(clip=dict(model='ViT-B-16', pretrained='openai')),
    head=dict(num_classes=100, in_channels=768),
)
