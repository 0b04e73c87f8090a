# GMM on CIFAR-100 with 60% symmetric noise: after the warm-up every epoch trains on the
# samples whose loss a mixture of two Gaussians takes for that of a right label.
_base_ = '../ce/ce_cifar100_sym60.py'

default_hooks = dict(
    noise_filter=dict(
        type='NoiseFilterHook',
        selector=dict(type='GMMSelector'),
        begin=1,  # warm-up epochs
        interval=1,
    )
)
