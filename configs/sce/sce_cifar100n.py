# SCE on CIFAR-100N (human labels, 40% wrong):
# cross entropy exchanged for symmetric cross entropy.
_base_ = '../ce/ce_cifar100n.py'

model = dict(head=dict(loss=dict(type='SCELoss', alpha=1.0, beta=1.0)))
