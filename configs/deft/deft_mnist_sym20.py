# DeFT on MNIST with 20% symmetric noise; not in the paper.
#   python tools/train.py configs/deft/deft_mnist_sym20.py
_base_ = ['../_base_/datasets/mnist.py', '../_base_/noise/sym20.py', '../_base_/methods/deft.py']

_base_.merge(_base_.pop('noise'))
model = dict(detector=dict(head=dict(num_classes=10)), classifier=dict(head=dict(num_classes=10)))
