"""Full fine-tuning."""

from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import PEFTMethod


@MODELS.register_module()
class FullFineTune(PEFTMethod):
    """Trains the residual blocks, as DeFT's reference code does; its text says all parameters.

    Frozen stay, in a transformer, patch embedding, class token, position embedding, ``ln_pre``,
    ``ln_post`` and the projection; in a ResNet the stem and the attention pooling. Batch norms of
    trained blocks also update their statistics.
    """

    fits = ('vit', 'resnet')
    trains_statistics = True

    def attach(self, backbone: nn.Module) -> None:
        for block in backbone.residual_blocks():
            block.requires_grad_(True)
