# Label smoothing on your own images.
#   python tools/train.py configs/label_smooth/label_smooth_folder.py \
#       --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/label_smooth.py']

_base_.merge(_base_.pop('method'))
