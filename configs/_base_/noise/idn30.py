noise = dict(type='InstanceDependentNoise', ratio=0.3, seed=1)
