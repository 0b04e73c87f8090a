# Label-match on CIFAR-100 with 20% symmetric noise.
_base_ = './label_match_cifar100_sym60.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.2, seed=0)))
