"""Co-teaching: each of two networks learns from what the other finds easy.

Shapes: B samples, C classes, K of them kept.
"""

from __future__ import annotations

from mmpretrain.registry import MODELS
from torch import Tensor

from .peer_loss import PeerLoss, cross_entropies, mean_of_kept


@MODELS.register_module()
class CoTeachingLoss(PeerLoss):
    r"""Cross entropy of each network over the samples of which the other one's is smallest.

    .. math::
        L = \frac{1}{K} \sum_{i \in S_2} CE(z^1_i, y_i)
            + \frac{1}{K} \sum_{i \in S_1} CE(z^2_i, y_i)

    with :math:`S_k` the K samples of the batch whose loss under network k is smallest. From
    `Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels
    <https://arxiv.org/abs/1804.06872>`_, Algorithm 1. Its code divides by K once more, which Adam
    makes up for and SGD would not; here it is the mean.

    Example:

        .. code:: python

            model = dict(
                type='PeerClassifier', head=dict(loss=dict(type='CoTeachingLoss', noise_ratio=0.4)))

    Args:
        noise_ratio (float): See :class:`PeerLoss`.
        warmup_epochs (int): See there. Defaults to 1.
    """

    def peer_loss(self, first_BC: Tensor, second_BC: Tensor, target: Tensor) -> Tensor:
        """The loss of both networks, a scalar."""
        first_B, second_B = cross_entropies(first_BC, second_BC, target=target)
        return mean_of_kept(first_B[self.kept(second_B)]) + mean_of_kept(
            second_B[self.kept(first_B)]
        )
