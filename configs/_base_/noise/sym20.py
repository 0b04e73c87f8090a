noise = dict(type='SymmetricNoise', ratio=0.2, seed=0)
