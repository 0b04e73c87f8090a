"""How probable every class is for every sample: by a model, by features, or by both.

Arrays only. What is said of a sample never rests on its own label.

Shapes: N samples, C classes, E width of a feature.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from deft_mm.selection.neighbours import nearest_neighbours
from deft_mm.selection.optimal_transport import transport_plan
from deft_mm.selection.row_parts import row_parts
from deft_mm.shorten import first_few

NEIGHBOURS = 30
# A probability counts as this much at least: in a product, 0 would leave the other no say.
_LEAST = 1e-12
# Of single precision: the logarithm of a probability is finite.
_LEAST_SINGLE = 1e-45


def zero_shot(labels: np.ndarray, num_classes: int, probs: np.ndarray) -> np.ndarray:
    """What the model says.

    Args:
        labels (np.ndarray): (N,) int64 given labels; not looked at.
        num_classes (int): C; not looked at.
        probs (np.ndarray): (N, C) the model's probabilities.

    Returns:
        np.ndarray: The same, (N, C) float64.
    """
    return np.asarray(probs, dtype=np.float64)


def features(
    labels: np.ndarray,
    num_classes: int,
    feature: np.ndarray,
    folds: int = 5,
    C: float = 0.01,
    random_state: int = 0,
) -> np.ndarray:
    """What a multinomial logistic regression says that was fitted on the other folds.

    Features are standardised, so that ``C`` means the same whatever their scale; a small one keeps
    the fit from following wrong labels. The samples of a class that has fewer than ``folds`` can't
    be judged: their given label has the probability 1, and a warning names the class. Classes
    without a sample have the probability 0.

    Args:
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.
        feature (np.ndarray): (N, E) features.
        folds (int): Number of folds, stratified by class. Defaults to 5.
        C (float): Inverse strength of the regularisation. Defaults to 0.01.
        random_state (int): Seed of the folds. Defaults to 0.

    Returns:
        np.ndarray: (N, C) float64.

    Raises:
        ValueError: If fewer than two classes have ``folds`` samples.
    """
    count_C = np.bincount(labels, minlength=num_classes)
    judged_N = count_C[labels] >= folds
    if np.count_nonzero(count_C >= folds) < 2:
        raise ValueError(
            f'Cross-validation needs two classes with folds={folds} samples each, and of '
            f'{num_classes} classes {np.count_nonzero(count_C >= folds)} have as many: set `folds` '
            "lower, or score='zero_shot'."
        )
    small = np.unique(labels[~judged_N])
    if len(small):
        print_log(
            f'{len(small)} classes have fewer samples than the {folds} folds of the '
            f'cross-validation, so that their {int((~judged_N).sum())} samples are taken for right '
            f'(classes {first_few(map(str, small))}).',
            logger='current',
            level=logging.WARNING,
        )
    mean_E, scale_E = _mean_and_scale(feature)
    probs_NC = np.zeros((len(labels), num_classes))
    probs_NC[~judged_N, labels[~judged_N]] = 1
    judged = np.flatnonzero(judged_N)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=random_state)
    for _, held_out in splitter.split(judged, labels[judged]):
        held_out = judged[held_out]
        rest = np.setdiff1d(np.arange(len(labels)), held_out, assume_unique=True)
        with warnings.catch_warnings():
            # Probabilities have settled long before the last digits of the weights.
            warnings.simplefilter('ignore', ConvergenceWarning)
            model = LogisticRegression(C=C, max_iter=1000).fit(
                _standardised(feature, rest, mean_E, scale_E), labels[rest]
            )
        for part in row_parts(len(held_out)):
            x_nE = _standardised(feature, held_out[part], mean_E, scale_E)
            probs_NC[np.ix_(held_out[part], model.classes_)] = model.predict_proba(x_nE)
    return probs_NC


def _mean_and_scale(feature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column (E,), 1 for constant ones, in double precision."""
    parts = row_parts(len(feature))

    def double(part: slice) -> np.ndarray:
        return np.asarray(feature[part], dtype=np.float64)

    mean_E = sum(double(part).sum(axis=0) for part in parts) / len(feature)
    square_E = sum(((double(part) - mean_E) ** 2).sum(axis=0) for part in parts)
    scale_E = np.sqrt(square_E / len(feature))
    scale_E[scale_E == 0] = 1
    return mean_E, scale_E


def _standardised(
    feature: np.ndarray, rows: np.ndarray, mean_E: np.ndarray, scale_E: np.ndarray
) -> np.ndarray:
    """A float32 copy of some rows, with the mean 0 and the variance 1 of each column."""
    x_nE = np.empty((len(rows), feature.shape[1]), dtype=np.float32)
    for part in row_parts(len(rows)):
        x_nE[part] = (np.asarray(feature[rows[part]], dtype=np.float64) - mean_E) / scale_E
    return x_nE


def knn(
    labels: np.ndarray,
    num_classes: int,
    feature: np.ndarray,
    k: int = NEIGHBOURS,
    neighbours: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """What the labels of the nearest neighbours say, by cosine; a sample is none of its own.

    A vote counts as much as the similarity is, one below 0 next to nothing.

    Args:
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.
        feature (np.ndarray): (N, E) features.
        k (int): Number of neighbours; all others where there are fewer. Defaults to 30.
        neighbours (tuple[np.ndarray, np.ndarray], optional): What
            :func:`~deft_mm.selection.neighbours.nearest_neighbours` has found, for labels that
            change; None to search. Defaults to None.

    Returns:
        np.ndarray: (N, C) float64, shares of the votes.

    Raises:
        ValueError: If there is a single sample.
    """
    if len(labels) < 2:
        raise ValueError("A single sample has no neighbours: set score='zero_shot'.")
    distance_Nk, neighbour_Nk = neighbours or nearest_neighbours(feature, k)
    votes_Nk = (1 - distance_Nk).clip(_LEAST)
    probs_NC = np.zeros((len(labels), num_classes))
    np.add.at(probs_NC, (np.arange(len(labels))[:, None], labels[neighbour_Nk]), votes_Nk)
    return probs_NC / votes_Nk.sum(axis=1, keepdims=True)


def fused(
    labels: np.ndarray,
    num_classes: int,
    probs: np.ndarray,
    feature: np.ndarray,
    folds: int = 5,
    C: float = 0.01,
    random_state: int = 0,
) -> np.ndarray:
    """The normalised geometric mean of :func:`zero_shot` and :func:`features`.

    What knows the names of the classes and what knows the images fail differently.

    Args:
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.
        probs (np.ndarray): (N, C) the model's probabilities.
        feature (np.ndarray): (N, E) features.
        folds (int): See :func:`features`. Defaults to 5.
        C (float): See there. Defaults to 0.01.
        random_state (int): See there. Defaults to 0.

    Returns:
        np.ndarray: (N, C) float64.

    Raises:
        ValueError: See there.
    """
    return fuse(probs, features(labels, num_classes, feature, folds, C, random_state))


def fuse(first_NC: np.ndarray, second_NC: np.ndarray) -> np.ndarray:
    """The geometric mean of two tables of probabilities, each row with the sum 1.

    Args:
        first_NC (np.ndarray): (N, C) probabilities.
        second_NC (np.ndarray): (N, C) probabilities.

    Returns:
        np.ndarray: (N, C) float64.
    """
    parts = [np.asarray(part_NC, dtype=np.float64) for part_NC in (first_NC, second_NC)]
    mean_NC = np.sqrt(parts[0].clip(_LEAST)) * np.sqrt(parts[1].clip(_LEAST))
    return mean_NC / mean_NC.sum(axis=1, keepdims=True)


def transport(
    labels: np.ndarray,
    num_classes: int,
    probs: np.ndarray,
    eps: float = 0.05,
    cost: str = 'prob',
    marginal: str | Sequence[float] = 'uniform',
) -> np.ndarray:
    """What is left of a model's probabilities where the sizes of the classes are given.

    Samples are shared out among the classes by entropic optimal transport, see
    :func:`~deft_mm.selection.optimal_transport.transport_plan`: a class that the model names too
    often gives up those of which it is least certain.

    Args:
        labels (np.ndarray): (N,) int64 given labels, which are counted where ``marginal`` says so.
        num_classes (int): C.
        probs (np.ndarray): (N, C) the model's probabilities p.
        eps (float): Weight of the entropy, on the scale of the cost. Defaults to 0.05.
        cost (str): 'prob' for -p, 'log_prob' for -log p. Defaults to 'prob'.
        marginal (str | Sequence[float]): Sizes of the classes: 'uniform', 'given' for those of the
            given labels, or C numbers on any scale. Defaults to 'uniform'.

    Returns:
        np.ndarray: (N, C) float64, the share of a sample that each class has.

    Raises:
        ValueError: If ``marginal`` has not C numbers.
    """
    size_C = class_sizes(marginal, labels, num_classes)
    score_NC = probs if cost == 'prob' else np.log(np.maximum(probs, _LEAST_SINGLE))
    return transport_plan(score_NC, size_C / size_C.sum(), eps)


def class_sizes(
    marginal: str | Sequence[float], labels: np.ndarray, num_classes: int
) -> np.ndarray:
    """The sizes of classes that :func:`transport` is told.

    Args:
        marginal (str | Sequence[float]): See there.
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.

    Returns:
        np.ndarray: (C,) on any scale.

    Raises:
        ValueError: If ``marginal`` has not C numbers.
    """
    if marginal == 'uniform':
        return np.ones(num_classes)
    if marginal == 'given':
        return np.bincount(labels, minlength=num_classes)
    if len(marginal) != num_classes:
        raise ValueError(
            f'`marginal` has {len(marginal)} sizes, and there are {num_classes} classes: give one '
            "for each, in the order of the labels, or 'uniform'."
        )
    return np.asarray(marginal, dtype=np.float64)


# What each takes beside labels and number of classes: columns of a table, in this order.
SCORES: dict[str, tuple[Callable[..., np.ndarray], tuple[str, ...]]] = {
    'zero_shot': (zero_shot, ('probs',)),
    'features': (features, ('feature',)),
    'knn': (knn, ('feature',)),
    'fused': (fused, ('probs', 'feature')),
    'transport': (transport, ('probs',)),
}


def options_of(score: str) -> set[str]:
    """The names of a score's options.

    Args:
        score (str): Its name.

    Returns:
        set[str]: For example {'k'}.
    """
    function, columns = SCORES[score]
    given = {'labels', 'num_classes', 'neighbours', *columns}
    return set(inspect.signature(function).parameters) - given


def class_probs(
    scores: Sequence[str],
    labels: np.ndarray,
    num_classes: int,
    columns: Mapping[str, np.ndarray],
    options: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Several scores of the same samples; what 'fused' is made of is computed once.

    Args:
        scores (Sequence[str]): Their names.
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.
        columns (Mapping[str, np.ndarray]): What they need of 'probs' (N, C) and 'feature' (N, E);
            'neighbours' where :func:`knn` is to be spared the search.
        options (Mapping[str, Any]): Options of any of them.

    Returns:
        dict[str, np.ndarray]: (N, C) float64 by name.
    """
    found = {}
    for name in sorted(scores, key=lambda name: name == 'fused'):
        if name == 'fused' and 'features' in found:
            found[name] = fuse(columns['probs'], found['features'])
            continue
        function, needs = SCORES[name]
        own = {key: value for key, value in options.items() if key in options_of(name)}
        if name == 'knn' and 'neighbours' in columns:
            own['neighbours'] = columns['neighbours']
        found[name] = function(labels, num_classes, *(columns[need] for need in needs), **own)
    return {name: found[name] for name in scores}
