# NLPrompt on CIFAR-100 with 60% symmetric noise.
_base_ = ['../ce/ce_cifar100_sym60.py', '../_base_/methods/nlprompt.py']

_base_.merge(_base_.pop('method'))
