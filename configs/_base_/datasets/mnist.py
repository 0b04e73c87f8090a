# MNIST, downloaded to data/mnist (12 MB); see `deft_mm/datasets/mnist_dataset.py`.
# The paper's code has no transforms for it: those of CIFAR without the flip, CLIP's own constants.
# The images are in memory. Crop and resize run on the device, and give Pillow's bytes.
resize = dict(type='BatchResize', scale=224)
data_preprocessor = dict(
    type='AugmentingDataPreprocessor',
    # No flip: a mirrored digit is another sign or none.
    train_transforms=[dict(type='BatchRandomCrop', crop_size=28, padding=4), resize],
    test_transforms=[resize],
    num_classes=10,
    # CLIP's own normalisation, on the 0..255 scale
    mean=[122.7709, 116.7460, 104.0937],
    std=[68.5005, 66.6322, 70.3232],
    to_rgb=False,  # three equal channels
)

train_pipeline = test_pipeline = [dict(type='PackInputs')]

train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset',
        dataset=dict(
            type='MNISTDataset', data_root='data/mnist', split='train', pipeline=train_pipeline
        ),
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=2,
    dataset=dict(type='MNISTDataset', data_root='data/mnist', split='test', pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
