# Images that are in memory: transforms run on the device, workers do no more than collect batches.
_base_ = './common.py'

data_preprocessor = dict(type='AugmentingDataPreprocessor')
train_pipeline = test_pipeline = [dict(type='PackInputs')]
train_dataloader = dict(num_workers=2, dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = test_dataloader = dict(num_workers=2, dataset=dict(pipeline=test_pipeline))
