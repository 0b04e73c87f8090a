# CIFAR-10, downloaded to data/cifar10 (170 MB); see `deft_mm/datasets/cifar10_dataset.py`.
# The images are in memory. Crop, flip and resize run on the device, and give Pillow's bytes (also
# with the flip before the resize; the paper has it after).
resize = dict(type='BatchResize', scale=224)
data_preprocessor = dict(
    type='AugmentingDataPreprocessor',
    train_transforms=[
        dict(type='BatchRandomCrop', crop_size=32, padding=4),
        dict(type='BatchRandomFlip', prob=0.5),
        resize,
    ],
    test_transforms=[resize],
    num_classes=10,
    # on the 0..255 scale: (.4914, .4822, .4465) and (.2023, .1994, .2010)
    mean=[125.307, 122.961, 113.8575],
    std=[51.5865, 50.847, 51.255],
    to_rgb=False,  # MMPretrain stores CIFAR as RGB
)

train_pipeline = test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset',
        dataset=dict(
            type='CIFAR10Dataset', data_root='data/cifar10', split='train', pipeline=train_pipeline
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    dataset=dict(
        type='CIFAR10Dataset', data_root='data/cifar10', split='test', pipeline=test_pipeline
    ),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
