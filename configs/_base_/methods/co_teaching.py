# Two networks, of which each learns from the samples of small loss under the other one. All else
# is that of small_loss, the share that is wrong and the warm-up among it.
method = dict(model=dict(type='PeerClassifier', head=dict(loss=dict(type='CoTeachingLoss'))))
