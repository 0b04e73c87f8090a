# SCE on your own images.
#   python tools/train.py configs/sce/sce_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/sce.py']

_base_.merge(_base_.pop('method'))
