# DeFT with FixMatch on your own images.
#   python tools/train.py configs/fixmatch/fixmatch_folder.py \
#       --cfg-options data_root=/path/to/images
_base_ = ['../deft/deft_folder.py', '../_base_/methods/fixmatch.py']

_base_.merge(_base_.pop('method'))

_base_.strong_pipeline[1].shape = 112  # half the side of these images
strong_pipeline = [*_base_.train_pipeline[:-1], *_base_.strong_pipeline]
default_hooks = dict(noise_filter=dict(classifier_dataset=dict(strong_pipeline=strong_pipeline)))
