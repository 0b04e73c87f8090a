# JoCoR on your own images.
#   python tools/train.py configs/jocor/jocor_folder.py --cfg-options data_root=/path/to/images
_base_ = ['../small_loss/small_loss_folder.py', '../_base_/methods/jocor.py']

_base_.merge(_base_.pop('method'))
