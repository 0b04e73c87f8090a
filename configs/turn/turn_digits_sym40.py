# TURN on the digits with 40% symmetric noise.
_base_ = ['../deft/deft_digits_sym40.py', '../_base_/methods/turn.py']

# The built-in CLIP in the place of ViT-B/16.
detector = _base_.method.model.detector
detector.backbone.clip = _base_.model.classifier.backbone.clip
detector.head.update(num_classes=10, in_channels=128)
del detector
_base_.merge(_base_.pop('method'))
train_cfg = dict(max_epochs=25)  # 20 of stage 2, as the other methods have
