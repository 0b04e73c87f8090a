# Tiny-ImageNet, tested on its validation part; see `deft_mm/datasets/tiny_image_net.py`.
# The images, 1.3 GiB, are decoded once. Resize, crop and flip run on the device; the values differ
# from Pillow's by 2 of 255 at most, and in training not at all.
_base_ = './in_memory.py'

data_preprocessor = dict(
    train_transforms=[
        dict(type='BatchResize', scale=256),
        dict(type='BatchRandomCrop', crop_size=224),
        dict(type='BatchRandomFlip', prob=0.5),
    ],
    test_transforms=[dict(type='BatchResize', scale=224)],
    num_classes=200,
    to_rgb=True,  # files are decoded as BGR
)
images = dict(type='TinyImageNet', data_root='data/tinyimagenet', pipeline=_base_.test_pipeline)
train_images = dict(type='InMemoryDataset', dataset=dict(split='train', **images))
val_images = dict(type='InMemoryDataset', dataset=dict(split='val', **images))
# `_delete_`, since the wrapper has neither split nor pipeline
train_dataloader = dict(dataset=dict(dataset=dict(_delete_=True, **train_images)))
val_dataloader = dict(dataset=dict(_delete_=True, **val_images))
test_dataloader = dict(dataset=dict(_delete_=True, **val_images))
del images, train_images, val_images
