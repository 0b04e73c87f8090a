"""Optimal transport: a sample is clean where sharing samples out among classes gives it its own."""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.score_selector import ScoreSelector


@TASK_UTILS.register_module()
class OptimalTransportSelector(ScoreSelector):
    r"""Keep a sample if optimal transport between samples and classes gives it its label.

    With N samples, C classes and costs :math:`M` from the model's probabilities p

    .. math::
        \Pi = argmin_\Pi \sum_{ic} \Pi_{ic} M_{ic} - \epsilon H(\Pi), \qquad
        \sum_c \Pi_{ic} = 1 / N, \quad \sum_i \Pi_{ic} = b_c

    a sample is clean if :math:`\Pi_{ic}` is highest at its given label: the prediction, were it not
    for the sizes :math:`b_c` of the classes. PromptOT of `NLPrompt: Noise-Label Prompt Learning for
    Vision-Language Models <https://arxiv.org/abs/2412.01256>`_. The score is the share of the
    sample that its label has.

    That paper's code takes the softmax of probabilities for the probabilities; up to a number for
    each row, which changes no plan, the cost is then -p: ``cost='prob'``. Of its two values of
    ``eps``, 0.01 (train.py) is all right, and 0.001, the only one in its scripts, is not: it takes
    exp(-M / eps) as it is, which is 0 for every entry, so that only samples of class 0 count as
    clean. Here logarithms are taken, and 0.001 is the plan that has next to no entropy.

    Equal sizes are those of true classes that are balanced. Where they are not, ``marginal`` says
    so; otherwise samples of large classes are given to small ones.

    Args:
        eps (float): Weight of the entropy, above 0, on the scale of the cost: 'prob' has a range of
            1. Defaults to 0.05.
        cost (str): 'prob' for -p, 'log_prob' for -log p. Defaults to 'prob'.
        marginal (str | Sequence[float]): Sizes of the classes: 'uniform', 'given' for those of the
            given labels, or a number for each class, on any scale. Defaults to 'uniform'.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            selector = dict(type='OptimalTransportSelector', marginal='given')
    """

    def __init__(
        self, eps: float = 0.05, cost: str = 'prob', marginal: str | Sequence[float] = 'uniform'
    ) -> None:
        super().__init__('transport', 'argmax', eps=eps, cost=cost, marginal=marginal)
