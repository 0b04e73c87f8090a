# Clothing1M, the class-balanced subset of 32,000 noisy images of the paper's reference code; see
# `deft_mm/datasets/clothing1m.py` for the files. All million images:
# dataset=dict(dataset=dict(subset='full')).
_base_ = './photographs.py'

data_preprocessor = dict(
    num_classes=14,
    # on the 0..255 scale: (.6959, .6537, .6371) and (.3113, .3192, .3214)
    mean=[177.4545, 166.6935, 162.4605],
    std=[79.3815, 81.396, 81.957],
)
images = dict(type='Clothing1M', data_root='data/clothing1m')
train_dataloader = dict(dataset=dict(dataset=dict(subset='balanced', seed=0, **images)))
# Both with clean labels. The paper's accuracy is that of the test part: tools/test.py CONFIG
# CHECKPOINT.
val_dataloader = dict(dataset=dict(split='val', **images))
test_dataloader = dict(dataset=images)
del images
