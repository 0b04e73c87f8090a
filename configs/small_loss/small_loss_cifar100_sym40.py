# Small-loss on CIFAR-100 with 40% symmetric noise: cross entropy takes the samples of the
# smallest loss of every batch, as many as are taken for clean. VPT-deep, as the paper has it.
_base_ = '../ce/ce_cifar100_sym40.py'

noise_ratio = 0.4  # the nominal ratio
model = dict(
    backbone=dict(peft=dict(_delete_=True, type='VPT', num_tokens=20)),
    head=dict(loss=dict(type='SmallLoss', noise_ratio=noise_ratio, warmup_epochs=1)),
)
optim_wrapper = dict(optimizer=dict(lr=0.03))  # of the PEFT settings
# The selection file is that of the whole training set, after the last epoch.
default_hooks = dict(
    noise_filter=dict(
        type='NoiseFilterHook', selector=dict(type='SmallLossSelector', noise_ratio=noise_ratio)
    )
)
