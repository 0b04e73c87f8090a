noise = dict(type='SymmetricNoise', ratio=0.8, seed=0)
