# Label-match on the digits with 40% symmetric noise.
_base_ = ['../deft/deft_digits_sym40.py', '../_base_/methods/label_match.py']

# The built-in CLIP in the place of ViT-B/16.
detector = _base_.method.model.detector
detector.backbone.clip = detector.head.clip = _base_.model.classifier.backbone.clip
detector.head.num_classes = 10
del detector
_base_.merge(_base_.pop('method'))
train_cfg = dict(max_epochs=20)
