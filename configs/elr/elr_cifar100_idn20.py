# ELR on CIFAR-100 with 20% instance-dependent noise:
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_cifar100_idn20.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
