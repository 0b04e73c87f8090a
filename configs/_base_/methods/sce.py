# Symmetric cross entropy in the place of cross entropy, weighted as in DeFT's reference code.
method = dict(model=dict(head=dict(loss=dict(type='SCELoss', alpha=1.0, beta=1.0))))
