# NLPrompt on CIFAR-100 with 20% symmetric noise.
_base_ = ['../ce/ce_cifar100_sym20.py', '../_base_/methods/nlprompt.py']

_base_.merge(_base_.pop('method'))
