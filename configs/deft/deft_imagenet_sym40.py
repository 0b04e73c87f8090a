# DeFT on ImageNet with 40% symmetric noise; not in the paper.
#   bash tools/dist_train.sh configs/deft/deft_imagenet_sym40.py 8
_base_ = ['../_base_/datasets/imagenet.py', '../_base_/noise/sym40.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
model = dict(
    detector=dict(head=dict(num_classes=1000)), classifier=dict(head=dict(num_classes=1000))
)
