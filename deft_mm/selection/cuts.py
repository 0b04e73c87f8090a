"""From the probability of every class to a selection: which samples are kept, and a score.

Arrays only.

Shapes: N samples, C classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from deft_mm.forget_rate import num_kept
from deft_mm.selection.mixture import mixture_posterior

Selected = tuple[np.ndarray, np.ndarray]
# The least that a float32 probability can be: its loss is finite.
TINY = 1e-45


def given_probability(probs_NC: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The probability of the given label.

    Args:
        probs_NC (np.ndarray): (N, C) probabilities.
        labels (np.ndarray): (N,) int64 given labels.

    Returns:
        np.ndarray: (N,) float64.
    """
    return probs_NC[np.arange(len(labels)), labels]


def fixed(probs_NC: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> Selected:
    """Keep what has a probability of the given label above ``threshold``."""
    score = given_probability(probs_NC, labels)
    return score > threshold, score


def argmax(probs_NC: np.ndarray, labels: np.ndarray) -> Selected:
    """Keep what has no class that is more probable than the given one."""
    score = given_probability(probs_NC, labels)
    return score >= probs_NC.max(axis=1, initial=0), score


def mixture(probs_NC: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> Selected:
    """Keep what a mixture of two Gaussians over the losses takes for the lower one.

    The score is the posterior of that one, see
    :func:`~deft_mm.selection.mixture.mixture_posterior`.
    """
    return _by_mixture(probs_NC, labels, threshold, group=None)


def mixture_per_class(probs_NC: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> Selected:
    """As :func:`mixture`, with a mixture for each given class."""
    return _by_mixture(probs_NC, labels, threshold, group=labels)


def share(probs_NC: np.ndarray, labels: np.ndarray, noise_ratio: float) -> Selected:
    """Reject the share ``noise_ratio`` whose given label is the least probable.

    Of N samples ``int((1 - noise_ratio) * N)`` are kept, the lower index first where probabilities
    are equal.
    """
    score = given_probability(probs_NC, labels)
    kept = np.zeros(len(score), dtype=bool)
    kept[np.argsort(-score, kind='stable')[: num_kept(len(score), noise_ratio)]] = True
    return kept, score


def confident_learning(
    probs_NC: np.ndarray, labels: np.ndarray, rule: str = 'prune_by_noise_rate'
) -> Selected:
    """Keep what cleanlab's ``find_label_issues`` does not find, by the ``rule`` of that name."""
    find_label_issues = require_cleanlab()
    # One process: a pool that is forked within a run may hang.
    issues = find_label_issues(labels, probs_NC, filter_by=rule, n_jobs=1)
    return ~issues, given_probability(probs_NC, labels)


def require_cleanlab() -> Callable[..., np.ndarray]:
    """cleanlab's ``find_label_issues``, which is optional.

    Returns:
        Callable: The function.

    Raises:
        ImportError: If there is no cleanlab, or an older one.
    """
    try:
        import cleanlab
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise ImportError(
            'Confident learning needs cleanlab, which is not installed: pip install '
            "'cleanlab>=2.8'."
        ) from error
    if tuple(map(int, cleanlab.__version__.split('.')[:2])) < (2, 8):
        raise ImportError(
            f'Confident learning needs cleanlab 2.8 or newer, and {cleanlab.__version__} is '
            "installed: pip install 'cleanlab>=2.8'."
        )
    return find_label_issues


CUTS: dict[str, Callable[..., Selected]] = {
    cut.__name__: cut
    for cut in (fixed, argmax, mixture, mixture_per_class, share, confident_learning)
}


def _by_mixture(probs_NC, labels, threshold: float, group: np.ndarray | None) -> Selected:
    loss = -np.log(given_probability(probs_NC, labels).clip(TINY))
    posterior = mixture_posterior(loss, group)
    return posterior > threshold, posterior
