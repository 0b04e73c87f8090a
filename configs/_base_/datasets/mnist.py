# MNIST, downloaded to data/mnist (12 MB); see `deft_mm/datasets/mnist_dataset.py`.
# Not in the paper, whose code has no transforms for it: those of CIFAR without the flip, CLIP's own
# constants. Crop and resize run on the device, and give Pillow's bytes.
_base_ = './in_memory.py'

resize = dict(type='BatchResize', scale=224)
data_preprocessor = dict(
    # No flip: a mirrored digit is another sign or none.
    train_transforms=[dict(type='BatchRandomCrop', crop_size=28, padding=4), resize],
    test_transforms=[resize],
    num_classes=10,
    to_rgb=False,  # three equal channels
)
images = dict(type='MNISTDataset', data_root='data/mnist')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
