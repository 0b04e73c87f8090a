# TURN on your own images.
#   python tools/train.py configs/turn/turn_folder.py \
#       --cfg-options data_root=/path/to/images
_base_ = ['../deft/deft_folder.py', '../_base_/methods/turn.py']

_base_.merge(_base_.pop('method'))
model = dict(detector=dict(head=dict(num_classes=None)))  # taken from the data
