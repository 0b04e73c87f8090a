# After the warm-up every epoch trains on the samples whose loss a mixture of two Gaussians takes
# for that of a right label.
method = dict(
    default_hooks=dict(
        noise_filter=dict(
            type='RefilterHook',
            selector=dict(type='GMMSelector'),
            begin=1,  # warm-up epochs
            interval=1,
        )
    )
)
