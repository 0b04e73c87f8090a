# CIFAR-10, downloaded to data/cifar10 (170 MB); see `deft_mm/datasets/cifar10_dataset.py`.
_base_ = './cifar.py'

data_preprocessor = dict(
    num_classes=10,
    # on the 0..255 scale: (.4914, .4822, .4465) and (.2023, .1994, .2010)
    mean=[125.307, 122.961, 113.8575],
    std=[51.5865, 50.847, 51.255],
)
images = dict(type='CIFAR10Dataset', data_root='data/cifar10')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
