"""How well detectors find wrong labels, judged by errors that are planted. Arrays only.

Some labels are changed on purpose, detectors run on the changed labels, and what they reject of the
planted errors tells what they reject of the real ones. With t the share of the wrong labels that is
rejected, FPR that of the right ones, R that of all that were left as they are and eps the share of
wrong labels, R = eps t + (1 - eps) FPR, so that eps is at most R / t at every threshold: the
smallest R / t estimates it, as mixture proportions are estimated in learning from positive and
unlabelled data (Garg et al., NeurIPS 2021, arXiv 2111.00980).

What is planted may be right by chance, where the given label was wrong: a share q of it. Of the
planted ones T = (1 - q) t + q FPR are rejected. With q = s eps, where s is the share of right ones
among planted labels whose given one is wrong, and FPR = 0, eps = r / (1 + r s) for r = R / T.

Shapes: N samples, C classes, D detectors, T thresholds, M planted errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deft_mm.selection.cuts import given_probability

# So many planted errors are found at least where a share is estimated, and such a part of them:
# the smallest of many ratios is the one that chance has made small.
_FOUND, _FOUND_SHARE = 30, 0.3
_LEAST_PLANTED = 50
_SAMPLES_PER_ERROR = 5
# How much larger zero-shot's share is than the smallest where errors are systematic.
_SYSTEMATIC = 1.5
# Standard errors that are allowed for: in the best guess, and in the ends of the interval (95%).
_GUARD, _MARGIN = 1.0, 1.64
# What never saw the labels: what is systematic in them it can't have learned. And what rests on
# them alone.
_BLIND, _FITTED = 'zero_shot', ('features', 'knn')

Detectors = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Audit:
    """What planted errors tell of the detectors, and of the labels.

    Args:
        detectors (tuple[str]): D names.
        thresholds (np.ndarray): (T,) float64; a sample is kept whose given label has at least that
            probability.
        precision (np.ndarray): (D, T) in percent, estimated, of the kept samples.
        recall (np.ndarray): (D, T), of the right labels.
        f1 (np.ndarray): (D, T).
        wrong_share (float): Best guess of the share of wrong labels, in [0, 1].
        interval (tuple[float, float]): Its lower and upper bound.
        num_planted (int): M, of each kind of error.
        detector (str): The detector that is picked, of the highest F1.
        threshold (float): Its threshold.
        score (np.ndarray): (N,) float64, its probability of the given labels, none of them planted.
        systematic (tuple[tuple[int, int]]): Where errors seem to be systematic, so that what is
            fitted to the labels takes them for right: pairs of a given class and the likely one.
    """

    detectors: tuple[str, ...]
    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    wrong_share: float
    interval: tuple[float, float]
    num_planted: int
    detector: str
    threshold: float
    score: np.ndarray
    systematic: tuple[tuple[int, int], ...]

    @property
    def kept(self) -> np.ndarray:
        """np.ndarray: (N,) bool, what that detector keeps at that threshold."""
        return self.score >= self.threshold

    def to_lines(self, class_names: Sequence[str]) -> list[str]:
        """Return the outcome at length.

        Args:
            class_names (Sequence[str]): C names.

        Returns:
            list[str]: The share of wrong labels, what is picked, and a warning where there is one.
        """
        low, high = self.interval
        at = self.detectors.index(self.detector), int(np.argmax(self.thresholds == self.threshold))
        lines = [
            f'Audit with {self.num_planted} planted errors of each kind: {self.wrong_share:.1%} of '
            f'the labels are wrong by the best guess, {low:.1%} to {high:.1%} at all events.',
            f'Picked: {self.detector!r} at {self.threshold:g}, with an estimated precision of '
            f'{self.precision[at]:.1f}, recall {self.recall[at]:.1f}, F1 {self.f1[at]:.1f}.',
        ]
        if self.systematic:
            pairs = ', '.join(
                f'{class_names[given]!r} for {class_names[likely]!r}'
                for given, likely in self.systematic
            )
            lines.append(
                'WARNING: the errors seem to be systematic, which the estimates above do not '
                f'account for. Look at samples of these classes yourself: {pairs}.'
            )
        return lines


def audit(
    detectors: Detectors,
    labels: np.ndarray,
    num_classes: int,
    planted: float = 0.05,
    thresholds: Sequence[float] = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5),
    repeats: int = 4,
    random_state: int = 0,
) -> Audit:
    """Plant errors, and see what is found of them.

    Errors are planted by the estimated transitions, the off-diagonal confident joint, for the best
    guess and the estimates; uniformly, which is found more easily than real errors, for the lower
    bound; and at the second choice of the last detector, which is hardest to find, for the upper
    one. Every sample is scored with its own label in the end. The best guess is the smallest of all
    detectors', unless that of 'zero_shot' is more than 1.5 times as large: then what was fitted to
    the labels has learned their errors; the guess is zero-shot's, and a detector that rests on the
    labels alone is neither picked nor asked for the interval.

    How far the told figures are from the true ones, measured: ``configs/audit/README.md``.

    Args:
        detectors (Callable): Takes (N,) int64 labels and gives (N, C) probabilities by the name of
            the detector, from labels that a sample's own is none of.
        labels (np.ndarray): (N,) int64 given labels.
        num_classes (int): C.
        planted (float): Share of the labels that is changed at a time; 100 at least, or a fifth
            where that is less. Defaults to 0.05.
        thresholds (Sequence[float]): Thresholds to choose from; 0 keeps everything. Defaults to
            (0, 0.05, 0.1, 0.2, 0.3, 0.5).
        repeats (int): How often errors are planted by the transitions. Defaults to 4.
        random_state (int): Seed of what is planted. Defaults to 0.

    Returns:
        Audit: The outcome.

    Raises:
        ValueError: If there are fewer than 250 samples.
    """
    num_samples = len(labels)
    number = min(max(round(planted * num_samples), 100), num_samples // _SAMPLES_PER_ERROR)
    if number < _LEAST_PLANTED:
        raise ValueError(
            f'An audit needs {_LEAST_PLANTED * _SAMPLES_PER_ERROR} samples, and there are '
            f'{num_samples}: use another selector, such as ConfidentLearningSelector.'
        )
    if len(np.unique(labels)) < 2:
        raise ValueError('An audit needs labels of two classes or more, and there is one.')
    own = detectors(labels)
    names, last_NC = tuple(own), list(own.values())[-1]
    joint_CC = confident_joint(last_NC, labels)
    plant = _Planting(detectors, labels, joint_CC, number, random_state)
    # How often each class is given where another one is right, by the right one.
    likely = plant(joint_CC.T, repeats)
    uniform = plant(np.ones((num_classes, num_classes)))
    hardest = plant(_second_choice(last_NC, labels))

    guess_D = np.array([likely.share(d, _GUARD) for d in range(len(names))])
    source = trusted = np.arange(len(names))
    systematic = ()
    if _BLIND in names and guess_D[names.index(_BLIND)] > _SYSTEMATIC * guess_D.min():
        source = [names.index(_BLIND)]
        trusted = [d for d, name in enumerate(names) if name not in _FITTED]
        systematic = _pairs(own, labels)
    wrong_share = guess_D[source].min()
    low = min(planted.share(d, -_MARGIN) for planted in (uniform, likely) for d in trusted)
    high = min(hardest.share(d, _MARGIN) for d in source)

    thresholds = np.array(thresholds, dtype=np.float64)
    precision_DT, recall_DT, f1_DT = _estimates(likely, thresholds, wrong_share)
    open_D = np.isin(np.arange(len(names)), trusted)
    best, at = np.unravel_index(np.where(open_D[:, None], f1_DT, -1).argmax(), f1_DT.shape)
    return Audit(
        detectors=names,
        thresholds=thresholds,
        precision=precision_DT,
        recall=recall_DT,
        f1=f1_DT,
        wrong_share=float(wrong_share),
        interval=(float(min(low, wrong_share)), float(max(high, wrong_share))),
        num_planted=number,
        detector=names[best],
        threshold=float(thresholds[at]),
        score=given_probability(own[names[best]], labels),
        systematic=systematic,
    )


def confident_joint(probs_NC: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many samples of each given class seem to be of each class, as confident learning counts.

    A sample is taken for the most probable of the classes whose probability reaches the mean that
    their own samples have (arXiv 1911.00068, Eq. 1); one that reaches none is not counted.

    Args:
        probs_NC (np.ndarray): (N, C) probabilities.
        labels (np.ndarray): (N,) int64 given labels.

    Returns:
        np.ndarray: (C, C) int64, given class by likely class.
    """
    num_classes = probs_NC.shape[1]
    count_C = np.bincount(labels, minlength=num_classes)
    sum_C = np.bincount(labels, given_probability(probs_NC, labels), minlength=num_classes)
    mean_C = np.where(count_C > 0, sum_C / count_C.clip(1), np.inf)
    # A mean of equal probabilities may be more than these by its last digit.
    confident_NC = np.where(probs_NC >= mean_C - 1e-6, probs_NC, -1)
    counted_N = confident_NC.max(axis=1) >= 0
    joint_CC = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(joint_CC, (labels[counted_N], confident_NC[counted_N].argmax(axis=1)), 1)
    return joint_CC


@dataclass(frozen=True)
class _Outcome:
    """What became of planted errors.

    Args:
        scores (list[tuple[np.ndarray, np.ndarray]]): Of each detector, what the given label of
            planted errors scores, and of the other samples.
        by_chance (float): Share of the planted labels that are right, of those whose given label
            was wrong.
    """

    scores: list[tuple[np.ndarray, np.ndarray]]
    by_chance: float

    def share(self, detector: int, guard: float) -> float:
        """The share of wrong labels by a detector: the smallest at all thresholds at which enough
        planted errors are found. The found part is taken for so many standard errors less.
        """
        planted_M, others = self.scores[detector]
        levels_M = np.sort(planted_M)
        found_M = np.searchsorted(levels_M, levels_M, side='right') / len(levels_M)
        rejected_M = np.searchsorted(np.sort(others), levels_M, side='right') / len(others)
        guarded_M = found_M - guard * np.sqrt(found_M * (1 - found_M) / len(levels_M))
        ratio_M = rejected_M / guarded_M.clip(1e-9, 1)
        first = max(_FOUND, math.ceil(_FOUND_SHARE * len(levels_M))) - 1
        ratio = min(1.0, float(ratio_M[first:].min()))
        return ratio / (1 + ratio * self.by_chance)


class _Planting:
    """Changes labels, and sees what detectors make of them.

    Called with the weights of the labels that a sample is to be given instead: (C, C), by the given
    class, or (N, C).
    """

    def __init__(
        self,
        detectors: Detectors,
        labels: np.ndarray,
        joint_CC: np.ndarray,
        number: int,
        seed: int,
    ) -> None:
        self.detectors, self.labels, self.number = detectors, labels, number
        self.draw = np.random.RandomState(seed)
        # What is right where the given label is wrong, by the given one.
        wrong_CC = joint_CC * (1.0 - np.eye(len(joint_CC)))
        self.right_CC = wrong_CC / wrong_CC.sum(axis=1, keepdims=True).clip(1)

    def __call__(self, weights: np.ndarray, times: int = 1) -> _Outcome:
        scores, right = [], []
        for _ in range(times):
            chosen_M = self.draw.choice(len(self.labels), self.number, replace=False)
            given_M = self.labels[chosen_M]
            rows = chosen_M if len(weights) == len(self.labels) else given_M
            changed_N = self.labels.copy()
            changed_N[chosen_M] = self._others(weights[rows].astype(np.float64), chosen_M)
            right.append(self.right_CC[given_M, changed_N[chosen_M]].mean())
            rest = np.setdiff1d(np.arange(len(changed_N)), chosen_M)
            found = self.detectors(changed_N).values()
            given_DN = [given_probability(probs_NC, changed_N) for probs_NC in found]
            scores.append([(given_N[chosen_M], given_N[rest]) for given_N in given_DN])
        joined = [
            tuple(map(np.concatenate, zip(*of_one, strict=True)))
            for of_one in zip(*scores, strict=True)
        ]
        return _Outcome(joined, float(np.mean(right)))

    def _others(self, weights_MC: np.ndarray, chosen_M: np.ndarray) -> np.ndarray:
        """Other labels, of classes that there are; any of them where all weights are 0."""
        there_C = np.bincount(self.labels, minlength=weights_MC.shape[1]) > 0
        possible_MC = np.tile(there_C, (self.number, 1))
        possible_MC[np.arange(self.number), self.labels[chosen_M]] = False
        weights_MC = weights_MC * possible_MC
        weights_MC[weights_MC.sum(axis=1) == 0] = 1
        reached_MC = np.cumsum(weights_MC * possible_MC, axis=1)
        point_M = self.draw.random_sample(self.number) * reached_MC[:, -1]
        return (reached_MC <= point_M[:, None]).sum(axis=1)


def _second_choice(probs_NC: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """1 for the most probable class but the given one (N, C)."""
    others_NC = probs_NC.copy()
    others_NC[np.arange(len(labels)), labels] = -1
    absent = np.setdiff1d(np.arange(probs_NC.shape[1]), labels)
    others_NC[:, absent] = -1
    return np.eye(probs_NC.shape[1])[others_NC.argmax(axis=1)]


def _estimates(likely: _Outcome, thresholds_T: np.ndarray, wrong_share: float):
    """Precision, recall and F1 of the real labels in percent, each (D, T)."""
    found_DT, rejected_DT = (
        np.array([(scores[part][:, None] < thresholds_T).mean(axis=0) for scores in likely.scores])
        for part in (0, 1)
    )
    right_share, chance = 1 - wrong_share, likely.by_chance * wrong_share
    false_alarm_DT = (1 - chance) * rejected_DT - wrong_share * found_DT
    false_alarm_DT = (false_alarm_DT / max(right_share - chance, 1e-9)).clip(0, 1)
    recall_DT = 1 - false_alarm_DT
    precision_DT = (right_share * recall_DT / (1 - rejected_DT).clip(1e-9)).clip(0, 1)
    f1_DT = 2 * precision_DT * recall_DT / (precision_DT + recall_DT).clip(1e-9)
    return 100 * precision_DT, 100 * recall_DT, 100 * f1_DT


def _pairs(own: Mapping[str, np.ndarray], labels: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Pairs of classes of which zero-shot finds more errors than what was fitted to the labels."""
    joints = {name: confident_joint(probs_NC, labels) for name, probs_NC in own.items()}
    fitted_CC = np.min([joint for name, joint in joints.items() if name != _BLIND], axis=0)
    excess_CC = joints[_BLIND] - fitted_CC
    np.fill_diagonal(excess_CC, 0)
    order = np.argsort(-excess_CC, axis=None, kind='stable')[:5]
    return tuple(
        (int(given), int(likely))
        for given, likely in zip(*np.unravel_index(order, excess_CC.shape), strict=True)
        if excess_CC[given, likely] > 0
    )
