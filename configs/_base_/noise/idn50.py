noise = dict(type='InstanceDependentNoise', ratio=0.5, seed=1)
