# Generalised cross entropy in the place of cross entropy, with the q of its paper.
method = dict(model=dict(head=dict(loss=dict(type='GCELoss', q=0.7))))
