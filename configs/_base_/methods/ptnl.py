# CoOp with generalised cross entropy, with the q of PTNL's code; NLPrompt's comparison has 0.7.
_base_ = './coop.py'

method = dict(model=dict(head=dict(loss=dict(type='GCELoss', q=0.5))))
