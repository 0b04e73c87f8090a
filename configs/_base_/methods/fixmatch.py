# Stage 2 of DeFT takes the rejected samples for unlabelled data. As it stands for images in memory
# of 32x32 pixels, whose pipeline has no transforms.

# Two random operations of random strength, and a square of half the side cut out.
strength = dict(num_policies=2, magnitude_level=10, magnitude_std='inf')
strong_pipeline = [
    dict(type='RandAugment', policies='timm_increasing', **strength),
    dict(type='Cutout', shape=16, pad_val=128, prob=1.0),
    dict(type='PackInputs'),
]
method = dict(
    model=dict(classifier=dict(type='FixMatch', threshold=0.95)),  # of FixMatch's paper
    default_hooks=dict(
        noise_filter=dict(
            classifier_dataset=dict(type='FixMatchDataset', strong_pipeline=strong_pipeline),
            classifier_dataloader=dict(collate_fn=dict(type='fix_match_collate')),
        )
    ),
)
