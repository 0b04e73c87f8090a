# DeFT on Stanford Cars with 40% instance-dependent noise.
_base_ = ['./deft_cars_sym20.py', '../_base_/noise/idn40.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(dataset=dict(noise_file='data/noise/cars_idn40.npz'))
