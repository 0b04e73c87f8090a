# Keeps a sample if zero-shot CLIP says what its label says. Nothing is trained before it; stage 2
# is DeFT's.
_base_ = '../models/zero_shot_clip_vit_b16.py'

method = dict(
    model=dict(detector=dict(_delete_=True, **_base_.pop('detector'))),
    train_cfg=dict(max_epochs=10),
    default_hooks=dict(
        noise_filter=dict(detector_epochs=0, selector=dict(type='LabelMatchSelector'))
    ),
)
