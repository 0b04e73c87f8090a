# DeFT on real-world noise by the text of the paper (Sec. 5.1): as on synthetic noise, one warm-up
# epoch included, but that a sample is clean only if its label is the predicted class, too. Of which
# recipe the published figures are, this one or that of the code (deft_real_world.py), is not known.
# Not the text's: the cosine schedule, where it names none.
_base_ = './deft.py'

model = dict(detector=dict(head=dict(recipe='real_world_text')))
