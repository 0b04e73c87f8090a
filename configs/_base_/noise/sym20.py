# As in the paper: the true class is among those drawn from.
noise = dict(
    train_dataloader=dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.2, seed=0)))
)
