# DeFT on Tiny-ImageNet with 40% symmetric noise.
_base_ = './deft_tinyimagenet_sym20.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.4, seed=0)))
