# Planted errors choose among detectors on frozen features, on your own images.
#   python tools/train.py configs/audit/audit_folder.py --cfg-options data_root=/path/to/images
_base_ = '../label_match/label_match_folder.py'

# CLIP's own, so that probabilities mean something.
model = dict(detector=dict(head=dict(temperature=None)))
default_hooks = dict(noise_filter=dict(selector=dict(type='AuditSelector')))
