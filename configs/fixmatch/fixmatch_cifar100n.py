# DeFT with FixMatch on CIFAR-100N (human labels, 40% wrong): in stage 2 the rejected samples are
# unlabelled data.
_base_ = '../deft/deft_cifar100n.py'

# Two random operations of random strength, and a square of half the side cut out.
strength = dict(num_policies=2, magnitude_level=10, magnitude_std='inf')
strong_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(type='RandAugment', policies='timm_increasing', **strength),
    dict(type='Cutout', shape=16, pad_val=128, prob=1.0),
    dict(type='PackInputs'),
]
model = dict(classifier=dict(type='FixMatch', threshold=0.95))
default_hooks = dict(
    noise_filter=dict(
        classifier_dataset=dict(type='FixMatchDataset', strong_pipeline=strong_pipeline),
        classifier_dataloader=dict(collate_fn=dict(type='fix_match_collate')),
    )
)
