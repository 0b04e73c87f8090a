_base_ = './idn20.py'

noise = dict(train_dataloader=dict(dataset=dict(noise=dict(ratio=0.3))))
