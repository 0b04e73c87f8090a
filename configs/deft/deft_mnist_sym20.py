# DeFT on MNIST with 20% symmetric noise.
#   python tools/train.py configs/deft/deft_mnist_sym20.py
_base_ = [
    '../_base_/datasets/mnist.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_10e_10e.py',
]

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.2, seed=0)))
model = dict(detector=dict(head=dict(num_classes=10)), classifier=dict(head=dict(num_classes=10)))
