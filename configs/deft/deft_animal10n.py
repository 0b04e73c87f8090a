# DeFT on ANIMAL-10N (8% wrong; not in the paper): the paper's recipe for real-world noise.
#   python tools/train.py configs/deft/deft_animal10n.py
_base_ = [
    '../_base_/datasets/animal10n.py',
    '../_base_/models/deft_clip_vit_b16.py',
    '../_base_/schedules/deft_real_world_10e_5e.py',
]

model = dict(
    detector=dict(head=dict(num_classes=10, recipe='real_world')),
    classifier=dict(head=dict(num_classes=10)),
)
