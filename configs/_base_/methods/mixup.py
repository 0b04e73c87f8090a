# Cross entropy on images and labels that are mixed in pairs, with weights from Beta(1, 1), as in
# MixUp's paper where labels are wrong in part (arXiv 1710.09412, Sec. 3.4 tries 1 to 32).
method = dict(
    data_preprocessor=dict(batch_augments=dict(augments=dict(type='Mixup', alpha=1.0))),
    model=dict(head=dict(loss=dict(type='CrossEntropyLoss', use_soft=True))),
)
