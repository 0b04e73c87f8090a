# Image files of any shape: the short side is resized to 256, of which 224 are cut out, for the test
# in the centre.
_base_ = './image_files.py'

resize = dict(type='ResizeEdge', scale=256, backend='pillow', interpolation='bilinear')
train_pipeline = [_base_.train_pipeline[0], resize, *_base_.train_pipeline[2:]]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    resize,
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
