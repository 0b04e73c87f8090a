# NLPrompt on your own images.
#   python tools/train.py configs/nlprompt/nlprompt_folder.py \
#       --cfg-options data_root=/path/to/images
_base_ = ['../ce/ce_folder.py', '../_base_/methods/nlprompt.py']

_base_.merge(_base_.pop('method'))
model = dict(head=dict(num_classes=None))  # taken from the data
# Nobody knows the sizes of the true classes; those of the given labels are nearest to them.
default_hooks = dict(noise_filter=dict(selector=dict(marginal='given')))
