# DeFT with FixMatch on the digits: in stage 2 the rejected samples are unlabelled data.
_base_ = '../deft/deft_digits_sym40.py'

# What leaves a digit readable: no mirror images, no colours.
shapes = [
    dict(type='Rotate', magnitude_range=(0, 30)),
    dict(type='Shear', magnitude_range=(0, 0.3), direction='horizontal'),
    dict(type='Translate', magnitude_range=(0, 0.2), direction='horizontal'),
    dict(type='Translate', magnitude_range=(0, 0.2), direction='vertical'),
    dict(type='Contrast', magnitude_range=(0, 0.9)),
    dict(type='Brightness', magnitude_range=(0, 0.9)),
]
strong_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='RandAugment', policies=shapes, num_policies=2, magnitude_level=10),
    dict(type='PackInputs'),
]
model = dict(classifier=dict(type='FixMatch', threshold=0.95))
default_hooks = dict(
    noise_filter=dict(
        classifier_dataset=dict(type='FixMatchDataset', strong_pipeline=strong_pipeline),
        classifier_dataloader=dict(collate_fn=dict(type='fix_match_collate')),
    )
)
