noise = dict(type='InstanceDependentNoise', ratio=0.4, seed=1)
