# Small-loss on your own images.
#   python tools/train.py configs/small_loss/small_loss_folder.py \
#       --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/small_loss.py']

_base_.merge(_base_.pop('method'))

# Nobody knows it; tools/clean.py estimates it. On the command line it stands in both places:
# model.head.loss.noise_ratio=0.1 default_hooks.noise_filter.selector.noise_ratio=0.1
noise_ratio = 0.2
model = dict(head=dict(loss=dict(noise_ratio=noise_ratio)))
default_hooks = dict(noise_filter=dict(selector=dict(noise_ratio=noise_ratio)))
