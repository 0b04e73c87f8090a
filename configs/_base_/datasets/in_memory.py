# Images that are in memory: transforms run on the device, workers do no more than collect batches.
_base_ = './common.py'

data_preprocessor = dict(type='AugmentingDataPreprocessor')
train_pipeline = test_pipeline = [dict(type='PackInputs')]
train_dataloader = dict(num_workers=2)
val_dataloader = dict(num_workers=2)
test_dataloader = dict(num_workers=2)
