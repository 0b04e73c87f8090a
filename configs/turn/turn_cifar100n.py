# TURN on CIFAR-100N (human labels, 40% wrong).
_base_ = ['../deft/deft_cifar100n.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
train_cfg = dict(max_epochs=10)  # 5 of the probe, 5 of stage 2 as DeFT has it here
