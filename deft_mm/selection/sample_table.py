"""The one table that carries a sample from its label to its score, and on to what is kept.

Shapes: N samples, C classes, E width of a feature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from deft_mm.selection.fingerprint import Fingerprint, digest_labels, digest_names
from deft_mm.version import __version__

# Columns that a detector or a selector fills in: their type, and what stands in a row before.
RESULTS = {
    'clean_prob': (np.float32, np.nan),
    # In double precision: in single, many of the smallest probabilities are equal, and no ranking.
    'score': (np.float64, np.nan),
    'pred_label': (np.int64, -1),
    'pred_prob': (np.float32, np.nan),
    'kept': (np.bool_, False),
    'readable': (np.bool_, True),
    'scored': (np.bool_, True),
    'corrected_label': (np.int64, -1),
}
# In `corrected_label`: a person has said that the sample is of no class.
EXCLUDED = -2
# Columns that are there only while a selector needs them; their number of dimensions.
ON_DEMAND = {
    'loss': 1,
    'margin': 1,
    'similarity': 1,
    'negative_similarity': 1,
    'agreed': 1,
    'top_label': 2,
    'top_prob': 2,
    'probs': 2,
    'feature': 2,
}
_TYPES = {'agreed': np.bool_, 'top_label': np.int64}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')


@dataclass
class SampleTable:
    """Everything that is known of the samples of a data set, one row a sample, by sample index.

    A table begins with the first four columns, which :func:`deft_mm.datasets.sample_table_of` reads
    from a data set. A scoring pass and a selector fill in the others; ``selection.csv`` is written
    from it and read to it.

    Args:
        fingerprint (Fingerprint): Of the data set that the samples belong to.
        class_names (Sequence[str]): C names in the order of their labels.
        img_path (Sequence[str]): N paths; '' for an image that is no file.
        given_label (np.ndarray): (N,) int64, the labels in question.
        clean_prob (np.ndarray, optional): (N,) float32, the probability that the given label is
            right; NaN where there is none. None for NaN everywhere. Defaults to None.
        score (np.ndarray, optional): (N,) float64, what the samples were selected by, higher for
            cleaner; NaN where there is none. None for ``clean_prob``. Defaults to None.
        pred_label (np.ndarray, optional): (N,) int64, the predicted label; -1 where there is none.
            Defaults to None.
        pred_prob (np.ndarray, optional): (N,) float32, its probability; NaN where there is none.
            Defaults to None.
        kept (np.ndarray, optional): (N,) bool; None for nothing. Defaults to None.
        readable (np.ndarray, optional): (N,) bool, False for an image that could not be read; None
            for all. Defaults to None.
        scored (np.ndarray, optional): (N,) bool, False for a sample of a class that the detector
            does not know, which it was not asked about; None for all. Defaults to None.
        corrected_label (np.ndarray, optional): (N,) int64, what people have decided: the label that
            is right, be it the given one, ``EXCLUDED`` (-2) for a sample that is to be left out, -1
            for one that nobody has looked at. Where it is a label and the image can be read, the
            sample is kept, where it is ``EXCLUDED``, it is not, whatever ``kept`` says. None for
            nobody at all. Defaults to None.
        method (str): What selected, for example 'DualPromptSelector'. Defaults to ''.
        config (str): Name of the config file. Defaults to ''.
        created (str): Time of creation, ISO 8601. Defaults to now.
        deft_mm_version (str): Version that selected. Defaults to the one that runs.
        loss (np.ndarray, optional): (N,) float32, the cross entropy of the given label with the
            model's logits. Defaults to None.
        margin (np.ndarray, optional): (N,) float32, the logit of the given label less the largest
            other one. Defaults to None.
        similarity (np.ndarray, optional): (N,) float32, cosine of the image feature and the
            (positive) text feature of the given class. Defaults to None.
        negative_similarity (np.ndarray, optional): (N,) float32, the same with the negative text
            feature of dual prompts. Defaults to None.
        agreed (np.ndarray, optional): (N,) bool, whether what the detector's recipe asks of a clean
            sample beside its clean probability holds. Defaults to None.
        top_label (np.ndarray, optional): (N, T) int64, the most probable classes in order; -1
            for one that the data don't have. Defaults to None.
        top_prob (np.ndarray, optional): (N, T) float32, their probabilities. Defaults to None.
        probs (np.ndarray, optional): (N, C) float32, the probability of every class; 0 for one that
            the detector does not know. Defaults to None.
        feature (np.ndarray, optional): (N, E) float32 or float16, of a CLIP backbone the feature
            before the projection to the text's space, of any other what the head classifies; not
            normalised. Defaults to None.

    Of an image that can't be read, what is computed from it is NaN, -1 or False.

    Raises:
        ValueError: If the columns don't fit each other, the class names or the fingerprint.
    """

    fingerprint: Fingerprint
    class_names: Sequence[str]
    img_path: Sequence[str]
    given_label: np.ndarray
    clean_prob: np.ndarray | None = None
    score: np.ndarray | None = None
    pred_label: np.ndarray | None = None
    pred_prob: np.ndarray | None = None
    kept: np.ndarray | None = None
    readable: np.ndarray | None = None
    scored: np.ndarray | None = None
    corrected_label: np.ndarray | None = None
    method: str = ''
    config: str = ''
    created: str = field(default_factory=_now)
    deft_mm_version: str = __version__
    loss: np.ndarray | None = None
    margin: np.ndarray | None = None
    similarity: np.ndarray | None = None
    negative_similarity: np.ndarray | None = None
    agreed: np.ndarray | None = None
    top_label: np.ndarray | None = None
    top_prob: np.ndarray | None = None
    probs: np.ndarray | None = None
    feature: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.class_names = list(self.class_names)
        self.img_path = list(self.img_path)
        self.given_label = np.asarray(self.given_label, dtype=np.int64)
        if self.score is None:
            self.score = self.clean_prob
        for name, (dtype, missing) in RESULTS.items():
            value = getattr(self, name)
            if value is None:
                value = np.full(len(self.given_label), missing)
            setattr(self, name, np.asarray(value, dtype=dtype))
        corrected = self.corrected_label
        if corrected.shape == self.kept.shape == self.readable.shape:  # else told below
            self.kept = (self.kept | (corrected >= 0) & self.readable) & (corrected != EXCLUDED)
        for name in ON_DEMAND:
            value = getattr(self, name)
            if value is not None:
                dtype = _TYPES.get(name, np.float32)
                # As it is kept on a disk: a million features take 1.5 GB.
                if name == 'feature' and getattr(value, 'dtype', None) == np.float16:
                    dtype = np.float16
                setattr(self, name, np.asarray(value, dtype=dtype))
        self._check_shapes()
        self._check_values()

    def __len__(self) -> int:
        return len(self.given_label)

    @property
    def num_kept(self) -> int:
        """int: Number of samples kept."""
        return int(np.count_nonzero(self.kept))

    @property
    def label(self) -> np.ndarray:
        """np.ndarray: (N,) int64, the label to train with: the corrected one where there is one."""
        return np.where(self.corrected_label >= 0, self.corrected_label, self.given_label)

    @property
    def rejected(self) -> np.ndarray:
        """np.ndarray: (N,) bool, what is not kept, without the samples that people exclude."""
        return ~self.kept & (self.corrected_label != EXCLUDED)

    @property
    def decided(self) -> np.ndarray:
        """np.ndarray: (N,) bool, the samples of which a person has said what they are."""
        return self.corrected_label != RESULTS['corrected_label'][1]

    @property
    def has_scores(self) -> np.ndarray:
        """np.ndarray: (N,) bool, the samples that a detector has seen."""
        return ~np.isnan(self.pred_prob)

    def with_columns(self, **columns: Any) -> SampleTable:
        """This table with some columns in place of its own.

        Args:
            **columns: Arguments of the class.

        Returns:
            SampleTable: A new table, created now; what is not replaced is shared.

        Raises:
            ValueError: If they don't fit the others.
        """
        return replace(self, **{'created': _now(), **columns})

    def results(self) -> dict[str, np.ndarray]:
        """The columns that a data set does not give, which a checkpoint carries.

        Returns:
            dict[str, np.ndarray]: Arrays by name, for :meth:`with_results`.
        """
        return {name: getattr(self, name) for name in RESULTS}

    def with_results(self, columns: Mapping[str, np.ndarray], **more: Any) -> SampleTable:
        """The table that :meth:`results` or a file has kept.

        Args:
            columns (Mapping[str, np.ndarray]): Some of the columns of :meth:`results`. Where it is
                not said which images could be read, those are taken for readable that have a
                prediction or a corrected label, or are kept.
            **more: More arguments of the class.

        Returns:
            SampleTable: A new table.
        """
        columns = dict(columns)
        readable = ~np.isnan(columns['pred_prob']) | columns['kept']
        if 'corrected_label' in columns:
            readable |= columns['corrected_label'] >= 0
        columns.setdefault('readable', readable)
        columns.setdefault('score', columns['clean_prob'])
        return self.with_columns(**columns, **more)

    def to_pandas(self):
        """The rows of the selection file as a pandas DataFrame.

        Returns:
            pandas.DataFrame: Indexed by ``sample_idx``.

        Raises:
            ImportError: If pandas is not installed.
        """
        import pandas

        given_class = np.array(self.class_names, dtype=object)[self.given_label]
        columns = dict(
            img_path=self.img_path, given_label=self.given_label, given_class=given_class
        )
        frame = pandas.DataFrame({**columns, **self.results()})
        frame.index.name = 'sample_idx'
        return frame

    def _check_shapes(self) -> None:
        dims = dict.fromkeys(('img_path', 'given_label', *RESULTS), 1) | ON_DEMAND
        n = self.fingerprint.num_samples
        columns = {name: getattr(self, name) for name in dims}
        shapes = {name: np.shape(value) for name, value in columns.items() if value is not None}
        if any(shape[:1] != (n,) or len(shape) != dims[name] for name, shape in shapes.items()):
            raise ValueError(f'the data set has {n} samples, but the columns have shapes {shapes}')

    def _check_values(self) -> None:
        num_classes = len(self.class_names)
        for name, lowest in (('given_label', 0), ('pred_label', -1), ('corrected_label', EXCLUDED)):
            label = getattr(self, name)
            outside = np.flatnonzero((label < lowest) | (label >= num_classes))
            if len(outside):
                raise ValueError(
                    f'{name} of sample {outside[0]} is {label[outside[0]]}, '
                    f'but there are {num_classes} classes'
                )
        for name in ('clean_prob', 'pred_prob'):
            prob = getattr(self, name)
            outside = np.flatnonzero((prob < 0) | (prob > 1))
            if len(outside):
                raise ValueError(
                    f'{name} of sample {outside[0]} is {prob[outside[0]]}, not a probability'
                )
        if digest_labels(self.given_label) != self.fingerprint.given_labels:
            raise ValueError('the given labels are not those of the fingerprint')
        if digest_names(self.class_names) != self.fingerprint.class_names:
            raise ValueError('the class names are not those of the fingerprint')
