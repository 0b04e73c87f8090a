# ANIMAL-10N, about 8% of the labels wrong; see `deft_mm/datasets/animal10n.py` for the files.
# Not in the paper: constants and transforms as those of its other set of 64x64 images,
# Tiny-ImageNet.
_base_ = './image_files.py'

data_preprocessor = dict(num_classes=10)
images = dict(type='Animal10N', data_root='data/animal10n')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
