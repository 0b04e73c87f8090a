# GCE on CIFAR-100 with 40% instance-dependent noise:
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_cifar100_idn40.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
