# CIFAR-100, downloaded to data/cifar100 (170 MB); see `deft_mm/datasets/cifar100_dataset.py`.
_base_ = './cifar.py'

data_preprocessor = dict(
    num_classes=100,
    # on the 0..255 scale: (.507, .487, .441) and (.267, .256, .276)
    mean=[129.285, 124.185, 112.455],
    std=[68.085, 65.28, 70.38],
)
images = dict(type='CIFAR100Dataset', data_root='data/cifar100')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
