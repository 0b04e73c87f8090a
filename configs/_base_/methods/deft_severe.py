# For severe noise: a lower learning rate and a smaller weight of the positive term of negative
# learning.
method = dict(
    model=dict(
        detector=dict(head=dict(loss_neg=dict(type='NegativeLearningLoss', positive_weight=0.5)))
    ),
    optim_wrapper=dict(detector=dict(optimizer=dict(lr=0.01))),
)
