# Label-match on handwritten digits with 40% symmetric noise: keeps a sample if zero-shot CLIP says
# what its label says; stage 2 is DeFT's. Nothing is trained before it.
_base_ = '../deft/deft_digits_sym40.py'

clip = _base_.clip
model = dict(
    detector=dict(
        _delete_=True,
        type='ImageClassifier',
        backbone=dict(type='CLIPVisionTransformer', clip=clip),
        head=dict(
            type='ZeroShotHead',
            clip=clip,
            num_classes=10,
            template='a photo of a {}.',
            temperature=0.01,  # changes scores, not the selection
        ),
    )
)
train_cfg = dict(max_epochs=20)
default_hooks = dict(noise_filter=dict(detector_epochs=0, selector=dict(type='LabelMatchSelector')))
