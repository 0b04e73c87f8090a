# MixUp on your own images.
#   python tools/train.py configs/mixup/mixup_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/mixup.py']

_base_.merge(_base_.pop('method'))
