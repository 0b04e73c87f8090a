noise = dict(type='SymmetricNoise', ratio=0.4, seed=0)
