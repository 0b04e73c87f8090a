# Cross entropy takes the samples of the smallest loss of every batch, as many as are taken for
# clean. What share is wrong, `noise_ratio`, a config tells the loss and the selector. VPT-deep, as
# the reference code of DeFT has it.
method = dict(
    model=dict(
        backbone=dict(peft=dict(_delete_=True, type='VPT', num_tokens=20)),
        head=dict(loss=dict(type='SmallLoss', warmup_epochs=1)),
    ),
    optim_wrapper=dict(optimizer=dict(lr=0.03)),  # of the PEFT settings
    # The selection file is that of the whole training set, after the last epoch.
    default_hooks=dict(
        noise_filter=dict(type='RefilterHook', selector=dict(type='SmallLossSelector'))
    ),
)
