"""A small selection."""

from __future__ import annotations

import numpy as np

from deft_mm.selection import Fingerprint, SampleTable

NAMES = ['cat', 'dog, "big"', '#3']
GIVEN = np.array([0, 1, 2, 0, 1])
PATHS = ['a/0.png', 'b, c/#1.png', 'say "hi".png', '', 'br\u00fccke.png']


def fingerprint(**changes) -> Fingerprint:
    parts = dict(class_names=NAMES, given_labels=GIVEN, identities=[f'{i}.png' for i in range(5)])
    return Fingerprint.from_parts(**{**parts, **changes})


def table(**changes) -> SampleTable:
    """Five scored samples, the last of which can't be read."""
    columns = dict(
        fingerprint=fingerprint(),
        class_names=NAMES,
        img_path=PATHS,
        given_label=GIVEN,
        clean_prob=np.array([0.9, 0.5, 0.500001, 0.1, np.nan], dtype=np.float32),
        pred_label=np.array([0, 1, 2, 1, -1]),
        pred_prob=np.array([1 / 3, 1e-30, 1.0, 0.7, np.nan], dtype=np.float32),
        readable=np.array([True, True, True, True, False]),
    )
    return SampleTable(**{**columns, **changes})


def selection(**changes) -> SampleTable:
    """The same, of which two samples are kept."""
    columns = dict(
        kept=np.array([True, False, True, False, False]),
        method='DualPromptSelector',
        config='deft_digits_sym40.py',
    )
    return table(**{**columns, **changes})
