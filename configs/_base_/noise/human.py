# Labels that people gave. A data set's base names the file, and which of its labels.
noise = dict(train_dataloader=dict(dataset=dict(noise=dict(type='HumanNoise'))))
