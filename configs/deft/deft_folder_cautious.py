# DeFT on your own images where CLIP knows the classes badly, such as medical, satellite, industrial
# ones: positive prompts and image tower stay as they are, the negative prompts alone learn.
#   python tools/train.py configs/deft/deft_folder_cautious.py --cfg-options data_root=/path/images
_base_ = './deft_folder.py'

model = dict(
    detector=dict(backbone=dict(peft=None), head=dict(recipe='cautious')),
)
# What the recipe was settled with, on a small CLIP: "A CLIP that knows the classes badly" in the
# main README.
optim_wrapper = dict(detector=dict(optimizer=dict(lr=0.01), clip_grad=dict(max_norm=1.0)))
