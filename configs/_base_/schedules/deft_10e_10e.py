# The paper's schedule (Sec. 5.1): 10 epochs for each stage, batch 64.
_base_ = '../default_runtime.py'

optim_wrapper = dict(
    constructor='StageOptimWrapperConstructor',
    detector=dict(optimizer=dict(type='SGD', lr=0.03, momentum=0.9, weight_decay=5e-4)),
    classifier=dict(optimizer=dict(type='SGD', lr=5e-4, momentum=0.9, weight_decay=5e-4)),
)
# Cosine to 0 over each stage's own epochs, stepped once an epoch: the reference code's, on
# synthetic noise. The paper names no schedule.
param_scheduler = dict(
    detector=dict(type='CosineAnnealingLR', eta_min=0),
    classifier=dict(type='CosineAnnealingLR', eta_min=0),
)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
default_hooks = dict(noise_filter=dict(type='NoiseFilterHook', detector_epochs=10))
auto_scale_lr = dict(base_batch_size=64)
