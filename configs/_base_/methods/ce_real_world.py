# As ce.py with a constant learning rate, as the reference code of DeFT has it on real-world noise
# (it never steps its scheduler there; the paper has no word on it).
_base_ = './ce.py'

param_scheduler = None
