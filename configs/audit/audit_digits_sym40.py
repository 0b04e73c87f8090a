# Planted errors choose among detectors on frozen features: digits with 40% symmetric noise.
#   python tools/train.py configs/audit/audit_digits_sym40.py
_base_ = '../label_match/label_match_digits_sym40.py'

# CLIP's own, so that probabilities mean something.
model = dict(detector=dict(head=dict(temperature=None)))
default_hooks = dict(noise_filter=dict(selector=dict(type='AuditSelector')))
