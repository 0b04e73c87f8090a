# GCE on CIFAR-100N (human labels, 40% wrong):
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_cifar100n.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
