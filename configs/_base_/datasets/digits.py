# scikit-learn's 1,797 handwritten digits, 8x8 pixels: ships with scikit-learn, nothing to download.
_base_ = './common.py'

data_preprocessor = dict(num_classes=10, to_rgb=False)

resize = dict(type='Resize', scale=32, backend='pillow', interpolation='bilinear')
train_pipeline = [
    # No flip: a mirrored digit is another sign or none.
    dict(type='RandomCrop', crop_size=8, padding=1),
    resize,
    dict(type='PackInputs'),
]
test_pipeline = [resize, dict(type='PackInputs')]

train_dataloader = dict(
    num_workers=0,  # the images are in memory and tiny
    dataset=dict(dataset=dict(type='DigitsDataset', pipeline=train_pipeline)),
)
val_dataloader = test_dataloader = dict(
    batch_size=250,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(type='DigitsDataset', pipeline=test_pipeline),
)
