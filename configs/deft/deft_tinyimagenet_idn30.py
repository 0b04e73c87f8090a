# DeFT on Tiny-ImageNet with 30% instance-dependent noise.
_base_ = './deft_tinyimagenet_sym20.py'

train_dataloader = dict(
    dataset=dict(
        noise=dict(type='InstanceDependentNoise', ratio=0.3, seed=1),
        noise_file='data/noise/tinyimagenet_idn30.npz',  # drawn by the first run
    )
)
