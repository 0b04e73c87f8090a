# DeFT on scikit-learn's handwritten digits with 40% symmetric noise,
# with the CLIP that ships with this package.
#   python tools/train.py configs/deft/deft_digits_sym40.py
_base_ = [
    '../_base_/datasets/digits.py',
    '../_base_/noise/sym40.py',
    '../_base_/models/deft_clip_tiny.py',
    '../_base_/schedules/deft_10e_10e.py',
]

_base_.merge(_base_.pop('noise'))

# What differs from the paper's schedule, for a small CLIP and 21 iterations an epoch. Settled on
# seeds 100 to 102, which the tables of docs/results.md do not have.
model = dict(
    detector=dict(
        head=dict(
            # random contexts are unstable: start from words that the text tower knows
            ctx_init='a photo of a',
            neg_ctx_init='a photo of a',
            warmup_epochs=3,  # one epoch, of 21 iterations, leaves F1 2 to 4 points lower
        )
    )
)
optim_wrapper = dict(
    detector=dict(
        # The contexts have the paper's rate, the tokens of the image tower a tenth: before the
        # negative prompts can tell wrong labels they would undo what CLIP knows.
        paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
    ),
    classifier=dict(optimizer=dict(lr=0.02)),  # 10 epochs at 5e-4 are too few updates to learn
)
train_cfg = dict(max_epochs=40)
default_hooks = dict(
    # as many updates in stage 2 as the baselines have
    noise_filter=dict(detector_epochs=20, keep_num_updates=True),
    logger=dict(interval=21),  # once an epoch
)
