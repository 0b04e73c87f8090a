# SCE on Clothing1M (balanced subset):
# cross entropy exchanged for symmetric cross entropy.
_base_ = '../ce/ce_clothing1m.py'

model = dict(head=dict(loss=dict(type='SCELoss', alpha=1.0, beta=1.0)))
