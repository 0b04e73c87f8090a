noise = dict(type='SymmetricNoise', ratio=0.6, seed=0)
