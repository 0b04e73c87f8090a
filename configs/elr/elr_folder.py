# ELR on your own images.
#   python tools/train.py configs/elr/elr_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/elr.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(loss=dict(num_classes=None)))
