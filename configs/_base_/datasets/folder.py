# Your own images: a folder for each class, or a list of (path, label). What may stand in them, and
# what happens to broken files, is in `deft_mm/datasets/image_folder_dataset.py`.
# tools/train.py and tools/test.py write these five into the data sets below where those have None:
data_root = None  # the folder of the images, or a list file (.csv, .jsonl, .parquet)
train_path = None  # folder or list file of the training images, relative to data_root, and ...
val_path = None  # ... of validation images of their own; without it, some images are held out:
val_ratio = 0.1  # ... this share of each class
classes = None  # names in the order of the labels; None: the names of the folders or in the list

data_preprocessor = dict(
    num_classes=None,  # taken from the training data
    # CLIP's own normalisation, on the 0..255 scale
    mean=[122.7709, 116.7460, 104.0937],
    std=[68.5005, 66.6322, 70.3232],
    to_rgb=True,
)

# The backend that the images are checked with: what passes the check is loaded.
load = dict(type='LoadImageFromFile', imdecode_backend='pillow')
resize = dict(type='ResizeEdge', scale=256, backend='pillow', interpolation='bilinear')
train_pipeline = [
    load,
    resize,
    dict(type='RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [load, resize, dict(type='CenterCrop', crop_size=224), dict(type='PackInputs')]

images = dict(
    type='ImageFolderDataset',
    data_root=None,
    train_path=None,
    val_path=None,
    val_ratio=None,
    classes=None,
)
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=False,  # a resumed run augments as an uninterrupted one
    dataset=dict(
        type='NoisyLabelDataset', dataset=dict(split='train', pipeline=train_pipeline, **images)
    ),
    sampler=dict(type='DefaultSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=256,
    num_workers=4,
    dataset=dict(split='val', pipeline=test_pipeline, **images),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
val_evaluator = dict(type='Accuracy', topk=(1,))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
val_cfg = dict()
test_cfg = dict()
