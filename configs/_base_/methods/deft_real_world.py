# DeFT as its reference code has it on real-world noise: 10 epochs of detector, 5 of classifier,
# constant learning rates, five warm-up epochs of symmetric cross entropy. The paper's text has none
# of these: deft_real_world_paper.py.
_base_ = './deft.py'

model = dict(detector=dict(head=dict(recipe='real_world')))
param_scheduler = dict(_delete_=True, detector=[], classifier=[])
train_cfg = dict(max_epochs=15)
