# ELR on Clothing1M (balanced subset):
# cross entropy with early-learning regularisation.
_base_ = '../ce/ce_clothing1m.py'

model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=14)))
