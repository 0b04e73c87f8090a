# DeFT on CIFAR-100 with 80% symmetric noise: severe.
# For severe noise the paper's review discussion lowers the learning rate and the weight of the
# positive term of negative learning. It gives no number for the weight: 0.5 is ours, not tuned.
_base_ = './deft_cifar100_sym60.py'

train_dataloader = dict(dataset=dict(noise=dict(type='SymmetricNoise', ratio=0.8, seed=0)))
model = dict(
    detector=dict(head=dict(loss_neg=dict(type='NegativeLearningLoss', positive_weight=0.5)))
)
optim_wrapper = dict(detector=dict(optimizer=dict(lr=0.01)))
