_base_ = './sym20.py'

noise = dict(train_dataloader=dict(dataset=dict(noise=dict(ratio=0.6))))
