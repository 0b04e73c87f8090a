# CIFAR-100N: CIFAR-100 with labels of human annotators. CIFAR-100 is downloaded. Get the labels
# (data/CIFAR-100_human.pt) from https://github.com/UCSC-REAL/cifar-10-100n:
#     data/cifar100n
#     ├── cifar-100-python  (where data/cifar100 has it, link it here)
#     └── CIFAR-100_human.pt
# 40% of `noisy_label` are wrong.
_base_ = ['./cifar100.py', '../noise/human.py']

_base_.merge(_base_.pop('noise'))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(data_root='data/cifar100n'),
        noise=dict(path='data/cifar100n/CIFAR-100_human.pt', key='noisy_label'),
    )
)
val_dataloader = test_dataloader = dict(dataset=dict(data_root='data/cifar100n'))
