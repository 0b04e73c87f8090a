# CUB-200-2011; see `deft_mm/datasets/cub_dataset.py` for the files.
_base_ = './image_files.py'

data_preprocessor = dict(
    num_classes=200,
    # on the 0..255 scale: (.485, .456, .406) and (.229, .224, .225)
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
)
images = dict(type='CUBDataset', data_root='data/cub')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
