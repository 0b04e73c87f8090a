# GCE on CIFAR-100 with 20% symmetric noise:
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_cifar100_sym20.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
