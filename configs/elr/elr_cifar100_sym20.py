# ELR on CIFAR-100 with 20% symmetric noise:
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_cifar100_sym20.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
