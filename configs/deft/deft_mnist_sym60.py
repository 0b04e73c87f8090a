# DeFT on MNIST with 60% symmetric noise.
_base_ = './deft_mnist_sym20.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.6, seed=0)))
