# Two networks that are to agree, trained on the samples of which both losses and what they disagree
# by are small. All else is that of small_loss. The weight is that of JoCoR's code for CIFAR-100.
method = dict(
    model=dict(type='PeerClassifier', head=dict(loss=dict(type='JoCoRLoss', agreement_weight=0.85)))
)
