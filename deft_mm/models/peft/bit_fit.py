"""Bias tuning."""

from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import PEFTMethod


@MODELS.register_module()
class BitFit(PEFTMethod):
    """Trains every bias of the visual tower and nothing else (Ben Zaken et al., ACL 2022).

    In a transformer: of every linear layer, the attention's input and all layer norms, ``ln_pre``
    and ``ln_post`` included. In a ResNet: of all batch norms (whose statistics stay
    frozen) and of the attention pooling.
    """

    fits = ('vit', 'resnet')

    def attach(self, backbone: nn.Module) -> None:
        for name, parameter in backbone.used_parameters():
            if name.endswith('bias'):
                parameter.requires_grad_(True)
