# Cross entropy with early-learning regularisation, as DeFT's reference code has it.
method = dict(model=dict(head=dict(loss=dict(type='ELRLoss', num_classes=100))))
