"""JoCoR: two networks that are to agree choose together what they learn from.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from .peer_loss import PeerLoss, cross_entropies, mean_of_kept


@MODELS.register_module()
class JoCoRLoss(PeerLoss):
    r"""Both cross entropies and what two networks disagree by, where all that is small.

    .. math::
        l = (1 - \lambda) \big(CE(z^1, y) + CE(z^2, y)\big)
            + \lambda \big(KL(p^1 \| p^2) + KL(p^2 \| p^1)\big)

    A batch costs the mean of the K smallest :math:`l`; gradients pass through all of it. From
    `Combating Noisy Labels by Agreement: A Joint Training Method with Co-Regularization
    <https://arxiv.org/abs/2003.02752>`_, eq. 1 to 5.

    Example:

        .. code:: python

            model = dict(
                type='PeerClassifier', head=dict(loss=dict(type='JoCoRLoss', noise_ratio=0.4)))

    Args:
        noise_ratio (float): See :class:`PeerLoss`.
        agreement_weight (float): :math:`\lambda`, in [0, 1]. The paper's code names 0.9 for
            CIFAR-10, 0.65 at 80% noise and 0.85 for CIFAR-100, has another one by default, and says
            that another network needs another. Defaults to 0.9.
        warmup_epochs (int): See :class:`PeerLoss`. Defaults to 1.

    Raises:
        ValueError: If ``agreement_weight`` is out of range.
    """

    def __init__(
        self, noise_ratio: float, agreement_weight: float = 0.9, warmup_epochs: int = 1
    ) -> None:
        super().__init__(noise_ratio, warmup_epochs)
        if not 0 <= agreement_weight <= 1:
            raise ValueError(
                f'JoCoRLoss.agreement_weight is {agreement_weight}: set it between 0 and 1.'
            )
        self.agreement_weight = agreement_weight

    def peer_loss(self, first_BC: Tensor, second_BC: Tensor, target: Tensor) -> Tensor:
        """The loss of both networks, a scalar."""
        first_B, second_B = cross_entropies(first_BC, second_BC, target=target)
        log_p_BC, log_q_BC = F.log_softmax(first_BC, dim=1), F.log_softmax(second_BC, dim=1)
        # Both divergences at once.
        apart_B = ((log_p_BC.exp() - log_q_BC.exp()) * (log_p_BC - log_q_BC)).sum(dim=1)
        weight = self.agreement_weight
        loss_B = (1 - weight) * (first_B + second_B) + weight * apart_B
        return mean_of_kept(loss_B[self.kept(loss_B)])
