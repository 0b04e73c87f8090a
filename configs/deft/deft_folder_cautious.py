# DeFT on your own images where CLIP knows the classes badly, such as medical, satellite, industrial
# ones.
#   python tools/train.py configs/deft/deft_folder_cautious.py --cfg-options data_root=/path/images
_base_ = ['./deft_folder.py', '../_base_/methods/deft_cautious.py']

_base_.merge(_base_.pop('method'))
