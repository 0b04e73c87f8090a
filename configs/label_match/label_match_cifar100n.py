# Label-match on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../deft/deft_cifar100n.py', '../_base_/methods/label_match.py']

_base_.merge(_base_.pop('method'))
train_cfg = dict(max_epochs=5)
