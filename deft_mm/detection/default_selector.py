"""Which selector is taken where nobody names one, and whether there are samples enough for one."""

from __future__ import annotations

import numpy as np

from deft_mm.selection import AuditSelector, SampleTable, ScoreSelector, Selector

# An audit plants 50 errors at least, in a fifth of the samples at most.
AUDIT_SAMPLES = 250
_FOLDS = 5
# Of an even guess among the classes, so much: of 0.02 to 0.5, F1 is best near there with 2, 3, 5
# and 10 classes, 10 to 40% wrong labels and 30 to 240 digits or CIFAR-10 images (10 classes: 92.0
# in the mean, all samples kept 86.2).
_OF_EVEN = 0.5


def default_selector(given_label: np.ndarray) -> tuple[Selector, str]:
    """Choose by what the data allow.

    Args:
        given_label (np.ndarray): (N,) int64 given labels.

    Returns:
        tuple[Selector, str]: The selector, and a sentence on why it is this one:
        :class:`~deft_mm.selection.AuditSelector`; of fewer than 250 samples
        :class:`~deft_mm.selection.ScoreSelector` with 'fused' and a fixed threshold, half of what
        an even guess gives a class; and where no two classes have two samples each, zero-shot CLIP
        alone. Cross-validation takes fewer
        folds than five where only one class, or none, has so many samples.
    """
    folds = min(_FOLDS, _second_largest(given_label))
    threshold = _OF_EVEN / max(len(np.unique(given_label)), 2)
    if folds < 2:
        text = 'No two classes have two images each: zero-shot CLIP alone decides.'
        return ScoreSelector('zero_shot', 'fixed', threshold=threshold), text
    if len(given_label) >= AUDIT_SAMPLES:
        return AuditSelector(folds=folds), 'Errors that are planted choose detector and threshold.'
    text = (
        f'{len(given_label)} images are too few for an audit, which needs {AUDIT_SAMPLES}: '
        'zero-shot CLIP and a fit to its features decide together, at a fixed threshold, and how '
        'many labels are wrong is not estimated.'
    )
    return ScoreSelector('fused', 'fixed', threshold=threshold, folds=folds), text


def require_enough(selector: Selector, samples: SampleTable) -> None:
    """Refuse a selector that needs more samples, before features are computed for it.

    Args:
        selector (Selector): What is to select.
        samples (SampleTable): The samples.

    Raises:
        ValueError: If an audit has fewer than 250 samples, or cross-validation no two classes with
            as many samples as folds.
    """
    name, number = type(selector).__name__, len(samples)
    scores, options = (), {}
    if isinstance(selector, AuditSelector):
        scores, options = selector.detectors, selector.options
        if number < AUDIT_SAMPLES:
            raise ValueError(
                f'{name} needs {AUDIT_SAMPLES} images, and there are {number}: leave --detector '
                'out, or name another one, such as knn.'
            )
    elif isinstance(selector, ScoreSelector):
        scores, options = (selector.score,), selector.score_options
    folds, second = options.get('folds', _FOLDS), _second_largest(samples.given_label)
    if {'features', 'fused'} & set(scores) and second < folds:
        raise ValueError(
            f'{name} cross-validates in {folds} folds, and no two classes have as many images: '
            f'set --detector-options folds={max(second, 2)}, leave --detector out, or name another '
            'one, such as label_match.'
        )


def _second_largest(given_label: np.ndarray) -> int:
    """How many samples the second largest class has; 0 where there is one class."""
    counts = np.sort(np.bincount(given_label, minlength=2))
    return int(counts[-2])
