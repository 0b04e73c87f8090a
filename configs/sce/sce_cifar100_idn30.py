# SCE on CIFAR-100 with 30% instance-dependent noise:
# cross entropy exchanged for symmetric cross entropy.
_base_ = '../ce/ce_cifar100_idn30.py'

model = dict(head=dict(loss=dict(type='SCELoss', alpha=1.0, beta=1.0)))
