# DeFT for a CLIP that knows the classes badly: the positive prompts and the image tower stay as
# they are, the negative prompts alone learn. Ours, not the paper's; settled with this rate and this
# clipping on the CLIP tiny-weak: docs/weak-clip.md.
method = dict(
    model=dict(detector=dict(backbone=dict(peft=None), head=dict(recipe='cautious'))),
    optim_wrapper=dict(detector=dict(optimizer=dict(lr=0.01), clip_grad=dict(max_norm=1.0))),
)
