# What the paper changes for severe noise (App. A.1: sym 0.8, idn 0.5): the detector's learning rate
# and the weight of the positive term of negative learning (Eq. 7).
_base_ = './deft.py'

model = dict(
    detector=dict(head=dict(loss_neg=dict(type='NegativeLearningLoss', positive_weight=0.25)))
)
optim_wrapper = dict(detector=dict(optimizer=dict(lr=0.01)))
