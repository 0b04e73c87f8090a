# NLPrompt on CIFAR-100 with 20% instance-dependent noise.
_base_ = ['../ce/ce_cifar100_idn20.py', '../_base_/methods/nlprompt.py']

_base_.merge(_base_.pop('method'))
