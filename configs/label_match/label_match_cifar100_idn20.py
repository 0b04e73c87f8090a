# Label-match on CIFAR-100 with 20% instance-dependent noise.
_base_ = './label_match_cifar100_sym60.py'

train_dataloader = dict(
    dataset=dict(
        noise=dict(type='InstanceDependentNoise', ratio=0.2, seed=1),
        noise_file='data/noise/cifar100_idn20.npz',  # drawn by the first run
    )
)
