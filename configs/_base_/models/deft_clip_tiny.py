_base_ = ['./deft_clip.py', './classifier_clip_tiny.py']

clip = _base_.classifier.backbone.clip
model = dict(
    detector=dict(backbone=dict(clip=clip), head=dict(clip=clip, num_classes=10)),
    classifier=_base_.classifier,
)
del clip
