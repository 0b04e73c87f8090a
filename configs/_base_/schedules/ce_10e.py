# Full fine-tuning of a baseline: 10 epochs, batch 64, the settings of DeFT's stage 2.
_base_ = '../default_runtime.py'

optim_wrapper = dict(optimizer=dict(type='SGD', lr=5e-4, momentum=0.9, weight_decay=5e-4))
# To 0 at the end, stepped once an epoch.
param_scheduler = dict(type='CosineAnnealingLR', eta_min=0)
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=1)
auto_scale_lr = dict(base_batch_size=64)
# As MMEngine's default, but that it also works without a GPU.
model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
