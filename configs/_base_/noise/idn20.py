# Seed 1 whatever the run's, as in the paper's reference code. A config names the file in which the
# first run keeps the labels, `noise_file`.
noise = dict(
    train_dataloader=dict(
        dataset=dict(noise=dict(type='InstanceDependentNoise', ratio=0.2, seed=1))
    )
)
