# DeFT on Tiny-ImageNet with 30% instance-dependent noise.
_base_ = ['./deft_tinyimagenet_sym20.py', '../_base_/noise/idn30.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(dataset=dict(noise_file='data/noise/tinyimagenet_idn30.npz'))
