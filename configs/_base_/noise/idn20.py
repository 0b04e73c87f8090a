noise = dict(type='InstanceDependentNoise', ratio=0.2, seed=1)
