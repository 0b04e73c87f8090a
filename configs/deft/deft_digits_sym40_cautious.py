# DeFT for a CLIP that knows the classes badly, on the digits with 40% symmetric noise: the positive
# prompts and the image tower stay as they are, the negative prompts alone learn.
#   python tools/train.py configs/deft/deft_digits_sym40_cautious.py
_base_ = './deft_digits_sym40.py'

model = dict(
    detector=dict(backbone=dict(peft=None), head=dict(recipe='cautious')),
)
