# GCE on Clothing1M (balanced subset):
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_clothing1m.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
