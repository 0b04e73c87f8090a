# The CLIP that ships with this package, as a classifier of ten classes.
_base_ = './classifier_clip.py'

classifier = dict(
    backbone=dict(clip=dict(model='tiny')), head=dict(num_classes=10, in_channels=128)
)
