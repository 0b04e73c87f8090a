# The weaker of the built-in CLIPs, with which DeFT's settings for the digits were settled:
# --cfg-options clip=tiny takes the better one ("Measured" in the main README).
_base_ = './classifier_clip.py'

classifier = dict(
    backbone=dict(clip=dict(model='tiny-weak')), head=dict(num_classes=10, in_channels=128)
)
