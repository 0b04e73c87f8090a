"""Wrong labels among samples of which there are features already: a call on arrays.

Shapes: N samples, C classes, E width of a feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.preprocessing import normalize

from deft_mm.selection.cuts import TINY, given_probability
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.row_parts import row_parts
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector, build_selector

# A million features in double precision would be 6 GB.
_AS_THEY_ARE = (np.float16, np.float32, np.float64)


def find_wrong_labels(
    features: Any,
    labels: Any,
    text_features: Any = None,
    probs: Any = None,
    class_names: Sequence[str] | None = None,
    selector: Mapping | Selector | None = None,
    temperature: float = 0.01,
) -> SampleTable:
    """Find the samples whose given label is wrong, from features of your own.

    By default errors that are planted choose detector and threshold, see
    :class:`~deft_mm.selection.AuditSelector`. It is better with ``text_features`` or ``probs``:
    what is systematic in the labels, only a detector that never saw them can tell.

    Arrays are NumPy's, tensors on the CPU, or what NumPy makes arrays of.

    Args:
        features (np.ndarray): (N, E) floats, of the images (or whatever the samples are).
        labels (np.ndarray): (N,) integers from 0 to C - 1, the labels in question.
        text_features (np.ndarray, optional): (C, E) floats, of the names of the classes in the same
            space, such as CLIP's. With them, the probabilities of the classes are the softmax of
            the cosines. Defaults to None.
        probs (np.ndarray, optional): (N, C) probabilities of a model that was not trained on these
            labels, in their place. Defaults to None.
        class_names (Sequence[str], optional): C names. None for '0', '1' and so on. Defaults to
            None.
        selector (Mapping | Selector, optional): How to select, as in a config: any selector that
            needs 'probs', 'feature' or 'loss'. None is ``dict(type='AuditSelector')``, without
            probabilities that of 'knn' and 'features'. Defaults to None.
        temperature (float): Divides the cosines, above 0. Defaults to 0.01, that of OpenAI's CLIPs.

    Returns:
        SampleTable: With ``kept`` and ``score``; ``pred_label`` and ``pred_prob`` where there are
        probabilities. :func:`~deft_mm.selection.write_selection` writes it.

    Raises:
        TypeError: If an array is none of numbers.
        ValueError: If the arrays don't fit each other, a value is not finite, a label or a
            probability is out of range, or what the selector needs is missing.
        ImportError: If the selector needs cleanlab, and it is not installed.

    Example:

        .. code:: python

            import numpy as np
            from deft_mm import find_wrong_labels

            draw = np.random.RandomState(0)
            labels = np.arange(600) % 3
            features = np.eye(3, 8)[labels] + 0.2 * draw.randn(600, 8)
            labels[:60] = (labels[:60] + 1) % 3
            table = find_wrong_labels(features, labels, text_features=np.eye(3, 8))
            worst_first = np.argsort(table.score)  # of the 60 wrong ones, nearly all come first
    """
    features = _numbers('features', features, 2)
    labels = _labels(labels, len(features))
    if not temperature > 0:
        raise ValueError(f'find_wrong_labels: `temperature` is {temperature}: set it above 0.')
    if text_features is not None and probs is not None:
        raise ValueError(
            'find_wrong_labels: `text_features` and `probs` both say how probable classes are: '
            'give one of them.'
        )
    if text_features is not None:
        text = _numbers('text_features', text_features, 2)
        if text.shape[1] != features.shape[1]:
            raise ValueError(
                f'find_wrong_labels: `text_features` have the width {text.shape[1]} and `features` '
                f'{features.shape[1]}: give both in one space, or `probs`.'
            )
        probs = softmax(_cosines(features, text) / temperature, axis=1)
    elif probs is not None:
        probs = _probabilities(probs, len(features))
    names = _names(class_names, labels, None if probs is None else probs.shape[1])
    table = table_of_arrays(features, labels, probs, names)
    if selector is None:
        detectors = {} if probs is not None else dict(detectors=('knn', 'features'))
        selector = dict(type='AuditSelector', **detectors)
    selector = build_selector(selector)
    missing = [need for need in selector.needs if getattr(table, need) is None]
    missing += [need for need in selector.needs if need not in ('probs', 'feature', 'loss')]
    if missing:
        raise ValueError(
            f'find_wrong_labels: {type(selector).__name__} needs {missing[0]!r}, which '
            + (
                'follows from `text_features` or `probs`: give one of them.'
                if missing[0] in ('probs', 'loss')
                else 'only the scoring pass of a model gives: take another selector.'
            )
        )
    kept, score = selector(table)
    return table.with_columns(
        kept=kept,
        score=score,
        clean_prob=score if selector.gives_probability else None,
        method=type(selector).__name__,
        probs=None,
        feature=None,
        loss=None,
    )


def table_of_arrays(
    features: np.ndarray, labels: np.ndarray, probs: np.ndarray | None, names: list[str]
) -> SampleTable:
    """Make a table of samples that are no files, for a selector.

    Args:
        features (np.ndarray): (N, E) floats.
        labels (np.ndarray): (N,) integers, the given labels.
        probs (np.ndarray, optional): (N, C) probabilities of a model.
        names (list[str]): C names.

    Returns:
        SampleTable: With what follows from the probabilities, where there are some.
    """
    table = SampleTable(
        fingerprint=Fingerprint.from_parts(names, labels, map(str, range(len(labels)))),
        class_names=names,
        img_path=[''] * len(labels),
        given_label=labels,
        feature=features,
    )
    if probs is None:
        return table
    return table.with_columns(
        probs=probs,
        loss=-np.log(given_probability(probs, labels).clip(TINY)),
        pred_label=probs.argmax(axis=1),
        pred_prob=probs.max(axis=1),
    )


def _numbers(name: str, values: Any, dims: int) -> np.ndarray:
    """An array of finite floats of so many dimensions, (N, E)."""
    try:
        array = np.asarray(values)
        if array.dtype not in _AS_THEY_ARE:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f'find_wrong_labels: `{name}` is {type(values).__name__}, of which no array of numbers '
            f'can be made ({error}).'
        ) from error
    if array.ndim != dims or 0 in array.shape:
        raise ValueError(
            f'find_wrong_labels: `{name}` has the shape {array.shape}: give one row a sample, '
            f'{dims} dimensions in all.'
        )
    columns = tuple(range(1, dims))
    finite = [np.isfinite(array[part]).all(axis=columns) for part in row_parts(len(array))]
    bad = np.flatnonzero(~np.concatenate(finite))
    if len(bad):
        raise ValueError(
            f'find_wrong_labels: row {bad[0]} of `{name}` has a value that is not finite, and so '
            f'have {len(bad) - 1} more: leave these samples out.'
        )
    return array


def _cosines(features: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Cosine similarities (N, C) float64."""
    text_CE = normalize(text.astype(np.float64))
    return np.concatenate(
        [
            normalize(features[part].astype(np.float64)) @ text_CE.T
            for part in row_parts(len(features))
        ]
    )


def _labels(values: Any, num_samples: int) -> np.ndarray:
    array = _numbers('labels', values, 1)
    if len(array) != num_samples:
        raise ValueError(
            f'find_wrong_labels: there are {len(array)} `labels` and {num_samples} rows of '
            '`features`: give one label a row.'
        )
    outside = array[(array < 0) | (array != np.round(array))]
    if len(outside):
        raise ValueError(
            f'find_wrong_labels: `labels` has {outside[0]}: labels are integers from 0 on, in the '
            'order of the classes.'
        )
    return array.astype(np.int64)


def _probabilities(values: Any, num_samples: int) -> np.ndarray:
    array = _numbers('probs', values, 2).astype(np.float64, copy=False)
    sums = array.sum(axis=1)
    if len(array) != num_samples or array.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        raise ValueError(
            f'find_wrong_labels: `probs` has the shape {array.shape}, values from '
            f'{array.min():.3g} on and rows that sum to {sums.min():.3g} to {sums.max():.3g}: give '
            f'{num_samples} rows of probabilities, which sum to 1 (of logits the softmax).'
        )
    return array


def _names(names: Sequence[str] | None, labels: np.ndarray, columns: int | None) -> list[str]:
    """The names of the classes, as many as there are columns of probabilities."""
    number = columns or int(labels.max()) + 1
    if names is not None:
        if isinstance(names, str):
            raise TypeError(f'find_wrong_labels: `class_names` is {names!r}: give a list of names.')
        names = [str(name) for name in names]
        if columns not in (None, len(names)):
            raise ValueError(
                f'find_wrong_labels: there are {len(names)} `class_names`, and {columns} classes '
                'in `text_features` or `probs`.'
            )
        number = len(names)
    if labels.max() >= number:
        raise ValueError(
            f'find_wrong_labels: `labels` has {labels.max()}, and there are {number} classes: '
            f'labels are integers from 0 to {number - 1}.'
        )
    return names or [str(label) for label in range(number)]
