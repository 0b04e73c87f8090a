# GCE on handwritten digits with 40% symmetric noise:
# cross entropy exchanged for generalised cross entropy.
_base_ = '../ce/ce_digits_sym40.py'

model = dict(head=dict(loss=dict(type='GCELoss', q=0.7)))
