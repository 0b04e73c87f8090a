from deft_mm.models.backbones.clip_backbone import CLIPBackbone
from deft_mm.models.backbones.clip_resnet import CLIPResNet
from deft_mm.models.backbones.clip_vision_transformer import CLIPVisionTransformer

__all__ = ['CLIPBackbone', 'CLIPResNet', 'CLIPVisionTransformer']
