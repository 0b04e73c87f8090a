# WebVision-50: the first 50 classes of WebVision 1.0, its Google part, tested on WebVision's own
# validation images and on those of ILSVRC12; see `deft_mm/datasets/web_vision.py` for the files.
# The second set is ImageNet's `val` folder: ln -s /path/to/imagenet data/webvision/imagenet
_base_ = './image_files.py'

data_preprocessor = dict(
    num_classes=50,
    # on the 0..255 scale: (.485, .456, .406) and (.229, .224, .225)
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
)

resize = _base_.train_pipeline[1]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
images = dict(type='WebVision', data_root='data/webvision')
train_dataloader = dict(dataset=dict(dataset=images))
webvision_val = dict(split='val', pipeline=test_pipeline, **images)
del images
ilsvrc12_val = dict(
    type='ILSVRC12',
    data_root='data/webvision',
    data_prefix='imagenet/val',
    # for images in one folder: ann_file='imagenet/meta/val.txt'
    num_classes=50,
    pipeline=test_pipeline,
)
# Without ImageNet: dataset=dict(_delete_=True, **_base_.webvision_val) in a config of your own.
both = dict(
    type='NamedConcatDataset',
    names=['webvision', 'ilsvrc12'],
    datasets=[webvision_val, ilsvrc12_val],
)
# `_delete_`, since the two have a split and a pipeline each
val_dataloader = dict(dataset=dict(_delete_=True, **both))
test_dataloader = dict(dataset=dict(_delete_=True, **both))
del both
# webvision/accuracy/top1 and ilsvrc12/accuracy/top1
val_evaluator = test_evaluator = dict(type='AccuracyPerDataset')
