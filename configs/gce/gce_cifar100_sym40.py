# GCE on CIFAR-100 with 40% symmetric noise:
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_cifar100_sym40.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
