# DeFT with FixMatch on the digits with 40% symmetric noise.
_base_ = ['../deft/deft_digits_sym40.py', '../_base_/methods/fixmatch.py']

_base_.merge(_base_.pop('method'))

# What leaves a digit readable: no mirror images, no colours; what comes in at the borders is black.
shapes = [
    dict(type='Rotate', magnitude_range=(0, 20)),
    dict(type='Shear', magnitude_range=(0, 0.3), direction='horizontal'),
    dict(type='Shear', magnitude_range=(0, 0.3), direction='vertical'),
    dict(type='Translate', magnitude_range=(0, 0.2), direction='horizontal'),
    dict(type='Translate', magnitude_range=(0, 0.2), direction='vertical'),
    dict(type='Contrast', magnitude_range=(0, 0.9)),
    dict(type='Brightness', magnitude_range=(0, 0.9)),
    dict(type='Sharpness', magnitude_range=(0, 0.9)),
]
# Two of them, and a square of 8 pixels cut out.
strong_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='RandAugment', policies=shapes, hparams=dict(pad_val=0), **_base_.strength),
    dict(type='Cutout', shape=8, pad_val=0, prob=1.0),
    dict(type='PackInputs'),
]
default_hooks = dict(noise_filter=dict(classifier_dataset=dict(strong_pipeline=strong_pipeline)))
