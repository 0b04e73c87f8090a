"""What is known of the labels of samples, which of them to look at, and how to say it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from deft_mm.datasets import class_names_of, given_labels_of
from deft_mm.datasets.chain import UNKNOWN, known_clean_labels_of
from deft_mm.datasets.selection_wrapper import read_selection_of
from deft_mm.selection import NO_CLASS, SampleTable

# The line of a caption that says that a label is wrong starts so.
WRONG_MARK = '≠ '
# A file name may have 255 bytes, a character up to 4.
_NAME_LENGTH = 24


@dataclass
class LabelledSamples:
    """Given labels, true ones as far as they are known, and a run's selection, by sample index.

    Args:
        class_names (Sequence[str]): C names in the order of their labels.
        given_labels (np.ndarray): (N,) int64.
        true_labels (np.ndarray): (N,) int64, -1 where the true label is not known.
        selection (SampleTable, optional): What a run says of the samples. Defaults to None.

    Example:

        .. code:: python

            samples = LabelledSamples.of(dataset, 'work_dirs/deft_digits_sym40/selection.csv')
            for idx in samples.choose(keep='rejected', sort='clean_prob')[:10]:
                print(samples.caption(idx))
    """

    class_names: Sequence[str]
    given_labels: np.ndarray
    true_labels: np.ndarray
    selection: SampleTable | None = None

    @classmethod
    def of(cls, dataset: Any, selection_file: str | PathLike | None = None) -> LabelledSamples:
        """Collect what is known of the N samples of a data set, by their index in it.

        Args:
            dataset: A classification data set, wrapped or not.
            selection_file (str | PathLike, optional): A selection file that was made of it.
                Defaults to None.

        Raises:
            FileNotFoundError: If there is no such selection file.
            ValueError: If it is none, or one of another data set; the message says in what that
                differs. Also if the data set has no class names, or not one label a sample.
        """
        selection = None if selection_file is None else read_selection_of(dataset, selection_file)
        return cls(
            class_names=class_names_of(dataset),
            given_labels=given_labels_of(dataset),
            true_labels=known_clean_labels_of(dataset),
            selection=selection,
        )

    def __len__(self) -> int:
        return len(self.given_labels)

    @property
    def is_wrong(self) -> np.ndarray:
        """np.ndarray: (N,) bool, whether the given label is known to be wrong."""
        return (self.true_labels != UNKNOWN) & (self.true_labels != self.given_labels)

    def is_kept(self, idx: int) -> bool | None:
        """Tell whether the selection keeps a sample; None where there is no selection."""
        return None if self.selection is None else bool(self.selection.kept[idx])

    def choose(
        self,
        keep: str = 'all',
        class_names: Sequence[str] | None = None,
        indices: Sequence[int] | None = None,
        only_wrong: bool = False,
        sort: str = 'index',
        seed: int = 0,
    ) -> np.ndarray:
        """Choose samples, and the order in which to look at them.

        Args:
            keep (str): 'kept' or 'rejected', by the selection, or 'all'. Defaults to 'all'.
            class_names (Sequence[str], optional): Take samples with one of these given labels.
                Defaults to None, all classes.
            indices (Sequence[int], optional): Take these samples. Defaults to None, all.
            only_wrong (bool): Take samples with a wrong label. Defaults to False.
            sort (str): 'index', 'clean_prob' (lowest first, and before it those whose image could
                not be read) or 'random'. Defaults to 'index'.
            seed (int): Seed of the random order. Defaults to 0.

        Returns:
            np.ndarray: (n,) int64, at least one sample index.

        Raises:
            ValueError: If an argument is unknown or out of range, needs a selection or true
                labels that are not there, or if nothing is left.
        """
        taken = np.ones(len(self), dtype=bool)
        if keep not in ('all', 'kept', 'rejected'):
            raise ValueError(f"--filter is 'kept', 'rejected' or 'all', found {keep!r}.")
        if keep != 'all':
            taken &= self._require_selection(f'--filter {keep}').kept == (keep == 'kept')
        if class_names is not None:
            taken &= np.isin(self.given_labels, [self._label_of(name) for name in class_names])
        if indices is not None:
            outside = [idx for idx in indices if not 0 <= idx < len(self)]
            if outside:
                raise ValueError(
                    f'--indices: there is no sample {outside[0]}; the data set has the {len(self)} '
                    f'samples 0 to {len(self) - 1}.'
                )
            taken &= np.isin(np.arange(len(self)), indices)
        if only_wrong:
            if (self.true_labels == UNKNOWN).all():
                raise ValueError(
                    '--only-wrong needs true labels, and this data set knows none: leave it out.'
                )
            taken &= self.is_wrong
        if not taken.any():
            raise ValueError(
                f'There is nothing to show: none of the {len(self)} samples is left by '
                f'--filter={keep}, --class-name={class_names}, --indices={indices} and '
                f'--only-wrong={only_wrong} together. Leave one of them out.'
            )
        return self._sorted(np.flatnonzero(taken), sort, seed)

    def caption(self, idx: int) -> str:
        """Say what is known of a sample, in one to four lines.

        They are index and given label; the true label where that is another (the line starts with
        '≠'); clean probability and whether it is kept; what the detector says where that is another
        label than the given one.
        """
        given = int(self.given_labels[idx])
        lines = [f'#{idx} given: {self.class_names[given]}']
        if self.is_wrong[idx]:
            lines.append(f'{WRONG_MARK}true: {self.class_names[self.true_labels[idx]]}')
        if self.selection is not None:
            lines.append(f'clean_prob {self._clean_prob(idx)}, {self._verdict(idx)}')
            pred = int(self.selection.pred_label[idx])
            if pred not in (given, NO_CLASS):
                prob = self.selection.pred_prob[idx]
                lines.append(f'detector: {self.class_names[pred]} ({prob:.2f})')
        return '\n'.join(lines)

    def file_stem(self, idx: int) -> str:
        """Name a sample's file after what :meth:`caption` says.

        For example '0042_given-seven_true-one_prob-0.031_rejected'; names of classes are shortened,
        and of their characters letters, digits, '.' and '-' are kept.
        """
        parts = [f'{idx:0{len(str(len(self) - 1))}d}']
        parts.append(f'given-{_in_file_name(self.class_names[self.given_labels[idx]])}')
        if self.is_wrong[idx]:
            parts.append(f'true-{_in_file_name(self.class_names[self.true_labels[idx]])}')
        if self.selection is not None:
            parts += [f'prob-{self._clean_prob(idx)}', self._verdict(idx)]
        return '_'.join(parts)

    def _label_of(self, name: str) -> int:
        if name in self.class_names:
            return list(self.class_names).index(name)
        similar = difflib.get_close_matches(name, self.class_names, n=3)
        known = similar or [*self.class_names[:10], *['...'] * (len(self.class_names) > 10)]
        raise ValueError(
            f"--class-name: none of the {len(self.class_names)} classes is called '{name}'. "
            f'{"Similar ones" if similar else "They are"}: {", ".join(known)}.'
        )

    def _sorted(self, chosen: np.ndarray, sort: str, seed: int) -> np.ndarray:
        if sort == 'index':
            return chosen
        if sort == 'random':
            return np.random.RandomState(seed).permutation(chosen)
        if sort == 'clean_prob':
            clean_prob = self._require_selection('--sort clean_prob').clean_prob[chosen]
            return chosen[np.argsort(np.nan_to_num(clean_prob, nan=-1), kind='stable')]
        raise ValueError(f"--sort is 'index', 'clean_prob' or 'random', found {sort!r}.")

    def _require_selection(self, option: str) -> SampleTable:
        if self.selection is None:
            raise ValueError(
                f'{option} needs the selection of a run: add --selection '
                'work_dirs/<run>/selection.csv.'
            )
        return self.selection

    def _clean_prob(self, idx: int) -> str:
        return f'{self.selection.clean_prob[idx]:.3f}'

    def _verdict(self, idx: int) -> str:
        return 'kept' if self.is_kept(idx) else 'rejected'


def _in_file_name(name: str) -> str:
    return re.sub(r'[^\w.]+', '-', name).replace('_', '-')[:_NAME_LENGTH].strip('-.')
