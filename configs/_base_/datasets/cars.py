# Stanford Cars; see `deft_mm/datasets/stanford_cars_dataset.py` for the files.
_base_ = './image_files.py'

data_preprocessor = dict(num_classes=196)
images = dict(type='StanfordCarsDataset', data_root='data/cars')
train_dataloader = dict(dataset=dict(dataset=images))
val_dataloader = test_dataloader = dict(dataset=images)
del images
