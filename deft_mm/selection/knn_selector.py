"""kNN: a sample is clean where its neighbours are called what it is called."""

from __future__ import annotations

from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.score_selector import ScoreSelector


@TASK_UTILS.register_module()
class KNNSelector(ScoreSelector):
    """Keep a sample if no class has more of its nearest neighbours' votes than its given one.

    The vote of `Detecting Corrupted Labels Without Training a Model to Predict
    <https://arxiv.org/abs/2110.06283>`_, weighted by the cosine similarity of features; a sample
    itself has no vote, other than in that paper's code. The score is the given label's share of the
    votes. For another cut: ``dict(type='ScoreSelector', score='knn', cut=...)``.

    Args:
        k (int): Number of neighbours. Defaults to 30.

    Raises:
        ValueError: If ``k`` is below 1.

    Example:

        .. code:: python

            selector = dict(type='KNNSelector', k=20)
    """

    def __init__(self, k: int = 30) -> None:
        super().__init__('knn', 'argmax', k=k)
