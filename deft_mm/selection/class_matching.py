"""Classes of one data set, found among those of a detector by name.

Shapes: C classes of the data, K of them that the detector has, D classes of the detector.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from deft_mm.shorten import shorten

# In place of a label, where there is no such class.
NO_CLASS = -1


@dataclass(frozen=True)
class ClassMatching:
    """Which class of a detector each class of a data set is.

    Args:
        data_classes (Sequence[str]): C names in the order of their labels.
        detector_classes (Sequence[str]): D names in the order of theirs.
        detector_label (np.ndarray): (C,) int64, the detector's label of each class of the data; -1
            for a class that it doesn't have.
    """

    data_classes: Sequence[str]
    detector_classes: Sequence[str]
    detector_label: np.ndarray

    @classmethod
    def identity(cls, class_names: Sequence[str]) -> ClassMatching:
        """Match classes with themselves.

        Args:
            class_names (Sequence[str]): C names.

        Returns:
            ClassMatching: All of them matched.
        """
        return cls(class_names, class_names, np.arange(len(class_names)))

    @classmethod
    def by_name(
        cls,
        data_classes: Sequence[str],
        detector_classes: Sequence[str],
        class_map: Mapping[str, str] | None = None,
    ) -> ClassMatching:
        """Match classes by name, and by a map where the names differ.

        Upper and lower case, spaces, underscores and hyphens make no difference. A name that the
        detector has more than once is not matched, unless all names are the same in the same order.

        Args:
            data_classes (Sequence[str]): C names.
            detector_classes (Sequence[str]): D names.
            class_map (Mapping[str, str], optional): Names of the detector's classes by names of the
                data's, which win over equal names; '' leaves a class unmatched. Defaults to None.

        Returns:
            ClassMatching: What was found.

        Raises:
            ValueError: If the map has an unknown name, two classes of the data would be one of the
                detector's, or no class matches.
        """
        if list(data_classes) == list(detector_classes):
            labels = list(range(len(data_classes)))
        else:
            known = _Names(detector_classes, 'detector')
            labels = [known.find(name) for name in data_classes]
        if class_map:
            data, detector = _Names(data_classes, 'data'), _Names(detector_classes, 'detector')
            for data_class, detector_class in class_map.items():
                label = detector.require(detector_class) if detector_class else None
                labels[data.require(data_class)] = label
        first: dict[int, str] = {}
        for name, label in zip(data_classes, labels, strict=True):
            if label is not None and first.setdefault(label, name) != name:
                raise ValueError(
                    f'Two classes of the data, {first[label]!r} and {name!r}, are both '
                    f'{detector_classes[label]!r} to the detector: give one of them another '
                    'detector_class in --class-map, or an empty one to leave it unscored.'
                )
        if not first:
            raise ValueError(
                f'None of the classes of the data ({shorten(data_classes)}) is one of the '
                f"detector's ({shorten(detector_classes)}): say with --class-map which are the "
                'same, or take --class-names data if the detector writes prompts.'
            )
        labels = [NO_CLASS if label is None else label for label in labels]
        return cls(data_classes, detector_classes, np.array(labels, dtype=np.int64))

    @property
    def matched(self) -> np.ndarray:
        """np.ndarray: (K,) int64, labels of the data's classes that the detector has."""
        return np.flatnonzero(self.detector_label != NO_CLASS)

    @property
    def unmatched_names(self) -> list[str]:
        """list[str]: Names of the data's classes that the detector doesn't have."""
        pairs = zip(self.data_classes, self.detector_label, strict=True)
        return [name for name, label in pairs if label == NO_CLASS]

    @property
    def other_labels(self) -> np.ndarray:
        """np.ndarray: (D - K,) int64, labels of the detector's classes that the data don't have."""
        return np.setdiff1d(np.arange(len(self.detector_classes)), self.detector_label)


def prompt_names(
    data_classes: Sequence[str], class_map: Mapping[str, str] | None = None
) -> list[str]:
    """What a detector that is asked about the data's own classes is to call them.

    Args:
        data_classes (Sequence[str]): C names.
        class_map (Mapping[str, str], optional): Other names for some of them. Defaults to None.

    Returns:
        list[str]: C names.

    Raises:
        ValueError: If the map has an unknown name.
    """
    names, data = list(data_classes), _Names(data_classes, 'data')
    for data_class, name in (class_map or {}).items():
        names[data.require(data_class)] = name
    return names


class _Names:
    """Class names, to be found however they are spelled."""

    def __init__(self, classes: Sequence[str], whose: str) -> None:
        self.classes = classes
        self.whose = whose
        self.labels: dict[str, list[int]] = {}
        for label, name in enumerate(classes):
            self.labels.setdefault(_normalize(name), []).append(label)

    def find(self, name: str) -> int | None:
        """The label of a name, if it is that of one class only."""
        alike = self.labels.get(_normalize(name), [])
        found = [label for label in alike if self.classes[label] == name] or alike
        return found[0] if len(found) == 1 else None

    def require(self, name: str) -> int:
        """The label of a name of a class map."""
        label = self.find(name)
        if label is not None:
            return label
        similar = get_close_matches(name, self.classes)
        hint = f'Similar ones: {shorten(similar)}' if similar else f'It has {shorten(self.classes)}'
        raise ValueError(
            f'--class-map has the {self.whose}_class {name!r}, which is not the name of exactly '
            f'one class of the {self.whose}. {hint}.'
        )


def _normalize(name: str) -> str:
    return re.sub(r'[\s_-]+', ' ', name).strip().casefold()
