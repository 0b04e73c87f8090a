# Your own images: a folder for each class, or a list of (path, label). What may stand in them, and
# what happens to broken files, is in `deft_mm/datasets/image_folder_dataset.py`.
_base_ = './photographs.py'

# tools/train.py and tools/test.py write these five into the data sets below where those have None:
data_root = None  # the folder of the images, or a list file (.csv, .jsonl, .parquet)
train_path = None  # folder or list file of the training images, relative to data_root, and ...
val_path = None  # ... of validation images of their own; without it, some images are held out:
val_ratio = 0.1  # ... this share of each class
classes = None  # names in the order of the labels; None: the names of the folders or in the list

data_preprocessor = dict(num_classes=None)  # taken from the training data

# As the images are checked: what passes the check is loaded.
load = dict(type='LoadImageOfAnyKind')
train_pipeline = [load, *_base_.train_pipeline[1:]]
test_pipeline = [load, *_base_.test_pipeline[1:]]

images = dict(
    type='ImageFolderDataset',
    data_root=None,
    train_path=None,
    val_path=None,
    val_ratio=None,
    classes=None,
)
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline, **images)))
val_dataloader = test_dataloader = dict(dataset=dict(split='val', pipeline=test_pipeline, **images))
