# Tiny-ImageNet, tested on its validation part; see `deft_mm/datasets/tiny_image_net.py`.
# The images, 1.3 GiB, are decoded once. Resize, crop and flip run on the device; the values differ
# from Pillow's by 2 of 255 at most, and in training not at all.
data_preprocessor = dict(
    type='AugmentingDataPreprocessor',
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

train_pipeline = test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset',
        dataset=dict(
            type='InMemoryDataset',
            dataset=dict(
                type='TinyImageNet',
                data_root='data/tinyimagenet',
                split='train',
                pipeline=train_pipeline,
            ),
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    dataset=dict(
        type='InMemoryDataset',
        dataset=dict(
            type='TinyImageNet', data_root='data/tinyimagenet', split='val', pipeline=test_pipeline
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
