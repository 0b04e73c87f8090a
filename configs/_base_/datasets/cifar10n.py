# CIFAR-10N: CIFAR-10 with labels of human annotators. CIFAR-10 is downloaded. Get the labels
# (data/CIFAR-10_human.pt) from https://github.com/UCSC-REAL/cifar-10-100n:
#     data/cifar10n
#     ├── cifar-10-batches-py  (where data/cifar10 has it, link it here)
#     └── CIFAR-10_human.pt
# `worse_label` (40% wrong) may also be aggre_label (9%) or random_label1, _2, _3 (17-18%).
_base_ = ['./cifar10.py', '../noise/human.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(data_root='data/cifar10n'),
        noise=dict(path='data/cifar10n/CIFAR-10_human.pt', key='worse_label'),
    )
)
val_dataloader = test_dataloader = dict(dataset=dict(data_root='data/cifar10n'))
