# Generalised cross entropy in the place of cross entropy.
method = dict(model=dict(head=dict(loss=dict(type='GCELoss', q=0.7))))
