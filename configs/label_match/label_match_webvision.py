# Label-match on WebVision-50: keeps a sample if zero-shot CLIP says
# what its label says; stage 2 is DeFT's. Nothing is trained before it.
_base_ = '../deft/deft_webvision.py'

clip = _base_.clip
model = dict(
    detector=dict(
        _delete_=True,
        type='ImageClassifier',
        backbone=dict(type='CLIPVisionTransformer', clip=clip),
        head=dict(
            type='ZeroShotHead',
            clip=clip,
            num_classes=50,
            template='a photo of a {}.',
            temperature=0.01,  # changes scores, not the selection
        ),
    )
)
train_cfg = dict(max_epochs=5)
default_hooks = dict(
    noise_filter=dict(detector_epochs=0, selector=dict(_delete_=True, type='LabelMatchSelector'))
)
