# What the data sets share: loaders, samplers, evaluation. A data set adds its images and how they
# are prepared.
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(type='NoisyLabelDataset'),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False)
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
