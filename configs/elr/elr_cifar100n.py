# ELR on CIFAR-100N (human labels, 40% wrong):
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_cifar100n.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
