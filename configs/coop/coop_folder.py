# CoOp on your own images.
#   python tools/train.py configs/coop/coop_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/coop.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(num_classes=None))  # taken from the data
