# ImageNet (ILSVRC12), a folder per class; see `deft_mm/datasets/ilsvrc12.py` for the files.
# Not in the paper: constants and test transforms are CLIP's own (short side to the tower's 224,
# bicubic, centre crop). For another input size change both 224s.
_base_ = './image_files.py'

data_preprocessor = dict(num_classes=1000)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, backend='pillow', interpolation='bicubic'),
    dict(type='RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=224, backend='pillow', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
images = dict(type='ILSVRC12', data_root='data/imagenet')
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline, **images)))
val_dataloader = test_dataloader = dict(dataset=dict(split='val', pipeline=test_pipeline, **images))
del images
