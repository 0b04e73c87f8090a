# Label-match on CIFAR-100 with 40% symmetric noise.
_base_ = './label_match_cifar100_sym60.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.4, seed=0)))
