# As ce_10e.py with a constant learning rate, as the paper has it on real-world noise.
_base_ = './ce_10e.py'

param_scheduler = None
