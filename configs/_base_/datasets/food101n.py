# Food-101N, about 20% of the labels wrong, tested on Food-101; see `deft_mm/datasets/food101n.py`
# for the files. Not in the paper: CLIP's constants, transforms as those of its other photographs
# of any shape, Clothing1M.
_base_ = './photographs.py'

data_preprocessor = dict(num_classes=101)
images = dict(type='Food101N', data_root='data/food101n')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
