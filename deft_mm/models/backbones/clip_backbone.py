"""What the visual towers of CLIP have in common as backbones.

B samples, D width, E embed dim.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from mmengine.logging import print_log
from mmpretrain.models.backbones.base_backbone import BaseBackbone
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from deft_mm.models.peft import attach_peft

OUT_TYPES = ('projected', 'token', 'both')


class CLIPBackbone(BaseBackbone):
    """Base of :class:`CLIPVisionTransformer` and :class:`CLIPResNet`.

    A subclass sets its modules and sizes in ``__init__`` and then calls :meth:`_settle`.
    """

    #: What PEFT methods ask for: 'vit' or 'resnet'.
    kind: str

    def __init__(self, out_type: str, init_cfg: dict | None) -> None:
        super().__init__(init_cfg)
        if out_type not in OUT_TYPES:
            raise ValueError(
                f'{type(self).__name__}.out_type={out_type!r} must be one of {OUT_TYPES}'
            )
        self.out_type = out_type

    @abstractmethod
    def residual_blocks(self) -> list[nn.Module]:
        """The blocks that full fine-tuning trains, from the input to the output."""

    @abstractmethod
    def project(self, token_BD: torch.Tensor) -> torch.Tensor:
        """Token features to features (B, E) in the space of the text, not normalised."""

    def used_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The tower's own parameters, by name, that reach the features in ``out_type``.

        A trained parameter that reaches none would make DDP wait for its gradient.
        """
        for name, parameter in self.named_parameters():
            if not name.startswith('peft.'):
                yield name, parameter

    def _settle(self, peft: dict | Sequence[dict] | None) -> None:
        """Freezes the tower, attaches the PEFT methods and logs how much is trained."""
        self.requires_grad_(False)
        self.peft = attach_peft(peft, self)
        self.train(self.training)
        trained = sum(p.numel() for p in self.parameters() if p.requires_grad)
        total = sum(p.numel() for p in self.parameters())
        names = ', '.join(type(method).__name__ for method in self.peft.values()) or 'frozen'
        print_log(
            f'{type(self).__name__} ({names}): {trained:,} / {total:,} parameters trained '
            f'({trained / total:.2%})',
            logger='current',
        )

    def _outputs(self, token_BD: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.out_type == 'token':
            return (token_BD,)
        projected_BE = self.project(token_BD)
        return (projected_BE,) if self.out_type == 'projected' else (token_BD, projected_BE)

    def train(self, mode: bool = True) -> 'CLIPBackbone':
        """Frozen batch norms keep their statistics in training mode too."""
        super().train(mode)
        trains = any(method.trains_statistics for method in self.peft.values())
        for module in self.modules():
            if isinstance(module, _BatchNorm) and not (trains and module.weight.requires_grad):
                module.eval()
        return self
