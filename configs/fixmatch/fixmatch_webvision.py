# DeFT with FixMatch on WebVision-50.
_base_ = ['../deft/deft_webvision.py', '../_base_/methods/fixmatch.py']

_base_.merge(_base_.pop('method'))

_base_.strong_pipeline[1].shape = 112  # half the side of these images
strong_pipeline = [*_base_.train_pipeline[:-1], *_base_.strong_pipeline]
default_hooks = dict(noise_filter=dict(classifier_dataset=dict(strong_pipeline=strong_pipeline)))
