# Cross entropy on all samples of CIFAR-100 with 40% instance-dependent noise.
_base_ = ['../_base_/datasets/cifar100.py', '../_base_/noise/idn40.py', '../_base_/methods/ce.py']

train_dataloader = dict(
    dataset=dict(
        noise=_base_.pop('noise'),
        noise_file='data/noise/cifar100_idn40.npz',  # drawn by the first run
    )
)
