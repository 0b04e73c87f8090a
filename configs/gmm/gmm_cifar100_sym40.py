# GMM on CIFAR-100 with 40% symmetric noise.
_base_ = './gmm_cifar100_sym60.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.4, seed=0)))
