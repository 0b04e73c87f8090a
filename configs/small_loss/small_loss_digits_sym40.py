# Small-loss on the digits with 40% symmetric noise.
_base_ = ['../ce/ce_digits_sym40.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

noise_ratio = 0.4  # the nominal ratio
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio, warmup_epochs=3)))
# As the detector of deft_digits_sym40.py.
optim_wrapper = dict(
    optimizer=dict(lr=0.03), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))
)
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
