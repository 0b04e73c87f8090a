# CIFAR-100, downloaded to data/cifar100 (170 MB); see `deft_mm/datasets/cifar100_dataset.py`.
data_preprocessor = dict(
    num_classes=100,
    # on the 0..255 scale: (.507, .487, .441) and (.267, .256, .276)
    mean=[129.285, 124.185, 112.455],
    std=[68.085, 65.28, 70.38],
    to_rgb=False,  # MMPretrain stores CIFAR as RGB
)

resize = dict(type='Resize', scale=224, backend='pillow', interpolation='bilinear')
train_pipeline = [
    dict(type='RandomCrop', crop_size=32, padding=4),
    resize,
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [resize, dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset',
        dataset=dict(
            type='CIFAR100Dataset',
            data_root='data/cifar100',
            split='train',
            pipeline=train_pipeline,
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(
        type='CIFAR100Dataset', data_root='data/cifar100', split='test', pipeline=test_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
