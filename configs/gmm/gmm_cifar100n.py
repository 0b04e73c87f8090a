# GMM on CIFAR-100N (human labels, 40% wrong): after the warm-up every epoch trains on the
# samples whose loss a mixture of two Gaussians takes for that of a right label.
_base_ = '../ce/ce_cifar100n.py'

default_hooks = dict(
    noise_filter=dict(
        type='NoiseFilterHook',
        selector=dict(type='GMMSelector'),
        begin=5,  # warm-up epochs
        interval=1,
    )
)
