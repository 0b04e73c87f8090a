# WebVision-50: the first 50 classes of WebVision 1.0, its Google part, tested on WebVision's own
# validation images and on those of ILSVRC12; see `deft_mm/datasets/web_vision.py` for the files.
# The second set is ImageNet's `val` folder: ln -s /path/to/imagenet data/webvision/imagenet
data_preprocessor = dict(
    num_classes=50,
    # on the 0..255 scale: (.485, .456, .406) and (.229, .224, .225)
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)

resize = dict(type='Resize', scale=(256, 256), backend='pillow', interpolation='bilinear')
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
            type='WebVision', data_root='data/webvision', split='train', pipeline=train_pipeline
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
webvision_val = dict(
    type='WebVision', data_root='data/webvision', split='val', pipeline=test_pipeline
)
ilsvrc12_val = dict(
    type='ILSVRC12',
    data_root='data/webvision',
    data_prefix='imagenet/val',
    # for images in one folder: ann_file='imagenet/meta/val.txt'
    num_classes=50,
    pipeline=test_pipeline,
)
# Without ImageNet: dataset=dict(_delete_=True, **_base_.webvision_val) in a config of your own.
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(
        type='NamedConcatDataset',
        names=['webvision', 'ilsvrc12'],
        datasets=[webvision_val, ilsvrc12_val],
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
# webvision/accuracy/top1 and ilsvrc12/accuracy/top1
val_evaluator = dict(type='AccuracyPerDataset', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
