# DeFT on CUB-200-2011 with 30% instance-dependent noise.
_base_ = './deft_cub_sym20.py'

train_dataloader = dict(
    dataset=dict(
        noise=dict(type='InstanceDependentNoise', ratio=0.3, seed=1),
        noise_file='data/noise/cub_idn30.npz',  # drawn by the first run
    )
)
