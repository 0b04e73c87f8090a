_base_ = ['./deft_clip.py', './classifier_clip_vit_b16.py']

clip = _base_.classifier.backbone.clip
model = dict(
    detector=dict(backbone=dict(clip=clip), head=dict(clip=clip, num_classes=100)),
    classifier=_base_.classifier,
)
del clip
