# What CIFAR-10 and CIFAR-100 share. Crop, flip and resize run on the device, and give Pillow's
# bytes (also with the flip before the resize; the paper's reference code has it after).
_base_ = './in_memory.py'

resize = dict(type='BatchResize', scale=224)
data_preprocessor = dict(
    train_transforms=[
        dict(type='BatchRandomCrop', crop_size=32, padding=4),
        dict(type='BatchRandomFlip', prob=0.5),
        resize,
    ],
    test_transforms=[resize],
    to_rgb=False,  # MMPretrain stores CIFAR as RGB
)
