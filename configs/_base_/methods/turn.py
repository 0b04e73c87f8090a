# TURN (arXiv 2310.17668): a linear probe with GCE; a mixture for each class over its losses; then
# probe and image tower are fine-tuned on as many kept samples of every class, drawn anew in each
# epoch. There is no code of its authors, and their text was not at hand: q is GCE's own, the
# optimiser of the probe and its 5 epochs are ours.
_base_ = '../models/probe_clip_vit_b16.py'

method = dict(
    model=dict(
        detector=dict(_delete_=True, **_base_.pop('detector')), init_head_from_detector=True
    ),
    # Features of CLIP's tower are not normalised: an adaptive rate suits them.
    optim_wrapper=dict(
        detector=dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.01))
    ),
    train_cfg=dict(max_epochs=15),
    default_hooks=dict(
        noise_filter=dict(
            detector_epochs=5,
            selector=dict(type='GMMSelector', per_class=True),
            classifier_dataloader=dict(sampler=dict(type='ClassBalancedSampler')),
        )
    ),
)
method['model']['detector']['head']['loss'] = dict(type='GCELoss', q=0.7)
