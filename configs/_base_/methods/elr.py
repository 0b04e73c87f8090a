# Cross entropy with early-learning regularisation.
method = dict(model=dict(head=dict(loss=dict(type='ELRLoss', num_classes=100))))
