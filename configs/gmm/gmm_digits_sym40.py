# GMM on handwritten digits with 40% symmetric noise: after the warm-up every epoch trains on the
# samples whose loss a mixture of two Gaussians takes for that of a right label.
_base_ = '../ce/ce_digits_sym40.py'

default_hooks = dict(
    noise_filter=dict(
        type='NoiseFilterHook',
        selector=dict(type='GMMSelector'),
        begin=1,  # warm-up epochs
        interval=1,
        keep_num_updates=True,  # as many as the other methods have
    )
)
