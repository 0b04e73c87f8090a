# GCE on your own images.
#   python tools/train.py configs/gce/gce_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/gce.py']

_base_.merge(_base_.pop('method'))
