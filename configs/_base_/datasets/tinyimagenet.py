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
    # CLIP's own normalisation, on the 0..255 scale
    mean=[122.7709, 116.7460, 104.0937],
    std=[68.5005, 66.6322, 70.3232],
    to_rgb=True,  # files are decoded as BGR
)
images = dict(type='TinyImageNet', data_root='data/tinyimagenet')
train_images = dict(split='train', pipeline=_base_.train_pipeline, **images)
val_images = dict(split='val', pipeline=_base_.test_pipeline, **images)
train_dataloader = dict(dataset=dict(dataset=dict(type='InMemoryDataset', dataset=train_images)))
val_dataloader = test_dataloader = dict(dataset=dict(type='InMemoryDataset', dataset=val_images))
del images, train_images, val_images
