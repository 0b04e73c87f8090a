# GMM on the digits with 40% symmetric noise.
_base_ = ['../ce/ce_digits_sym40.py', '../_base_/methods/gmm.py']

_base_.merge(_base_.pop('method'))
# as many updates as the other methods have
default_hooks = dict(noise_filter=dict(keep_num_updates=True))
