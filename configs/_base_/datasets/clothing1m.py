# Clothing1M, the paper's class-balanced subset of 32,000 noisy images; see `deft_mm/datasets/
# clothing1m.py` for the files. All million images: dataset=dict(dataset=dict(subset='full')).
data_preprocessor = dict(
    num_classes=14,
    # on the 0..255 scale: (.6959, .6537, .6371) and (.3113, .3192, .3214)
    mean=[177.4545, 166.6935, 162.4605],
    std=[79.3815, 81.396, 81.957],
    to_rgb=True,
)

resize = dict(type='ResizeEdge', scale=256, backend='pillow', interpolation='bilinear')
train_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset',
        dataset=dict(
            type='Clothing1M',
            data_root='data/clothing1m',
            split='train',
            subset='balanced',
            seed=0,
            pipeline=train_pipeline,
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
# Both with clean labels. The paper's accuracy is that on the test part: tools/test.py CONFIG
# CHECKPOINT.
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(
        type='Clothing1M', data_root='data/clothing1m', split='val', pipeline=test_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(
        type='Clothing1M', data_root='data/clothing1m', split='test', pipeline=test_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
