# The paper's schedule on real-world noise: 10 epochs of detector, 5 of classifier, batch 64,
# constant learning rates. The method's config sets recipe='real_world' of the detector's head.
_base_ = './deft_10e_10e.py'

param_scheduler = dict(_delete_=True, detector=[], classifier=[])
train_cfg = dict(max_epochs=15)
default_hooks = dict(
    noise_filter=dict(selector=dict(type='DualPromptSelector', recipe='real_world'))
)
