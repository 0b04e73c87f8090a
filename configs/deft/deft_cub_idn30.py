# DeFT on CUB-200-2011 with 30% instance-dependent noise.
_base_ = ['./deft_cub_sym20.py', '../_base_/noise/idn30.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(dataset=dict(noise_file='data/noise/cub_idn30.npz'))
