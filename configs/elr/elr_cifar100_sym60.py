# ELR on CIFAR-100 with 60% symmetric noise:
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_cifar100_sym60.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
