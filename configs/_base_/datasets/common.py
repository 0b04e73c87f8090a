# What the data sets share: loaders, samplers, evaluation. A data set adds its images and how they
# are prepared.
data_preprocessor = dict(
    # CLIP's own normalisation, on the 0..255 scale
    mean=[122.7709, 116.7460, 104.0937],
    std=[68.5005, 66.6322, 70.3232],
)
train_dataloader = dict(
    batch_size=64,  # the paper's
    num_workers=4,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(type='NoisyLabelDataset', dataset=dict(split='train')),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(split='test'),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
