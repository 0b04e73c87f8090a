"""A score and a cut, each chosen by its name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.class_probs import SCORES, class_probs, class_sizes, options_of
from deft_mm.selection.cuts import CUTS, require_cleanlab
from deft_mm.selection.row_parts import row_parts
from deft_mm.selection.sample_table import EXCLUDED, SampleTable
from deft_mm.selection.selector import Selector

_RULES = (
    'prune_by_noise_rate',
    'prune_by_class',
    'both',
    'confident_learning',
    'predicted_neq_given',
    'low_normalized_margin',
    'low_self_confidence',
)
_COSTS = ('prob', 'log_prob')
_SIZES = "'uniform', 'given', or a number for each class, 0 or more"


def _are_sizes(value: str | Sequence[float]) -> bool:
    if isinstance(value, str):
        return value in ('uniform', 'given')
    numbers = all(isinstance(n, (int, float)) and 0 <= n < math.inf for n in value)
    return numbers and sum(value) > 0


# What an option may be: its types, a test, and how it is said.
_OPTIONS = {
    'k': (int, lambda value: value >= 1, 'a number of neighbours, 1 or more'),
    'folds': (int, lambda value: value >= 2, 'a number of folds, 2 or more'),
    'C': ((int, float), lambda value: value > 0, 'a number above 0'),
    'random_state': (int, lambda value: value >= 0, 'a seed, 0 or more'),
    'threshold': ((int, float), lambda value: 0 <= value < 1, 'a probability in [0, 1)'),
    'noise_ratio': ((int, float), lambda value: 0 <= value < 1, 'a share in [0, 1)'),
    'eps': ((int, float), lambda value: 0 < value < math.inf, 'a number above 0'),
    'cost': (str, lambda value: value in _COSTS, f'one of {", ".join(_COSTS)}'),
    'marginal': ((str, Sequence), _are_sizes, _SIZES),
    'rule': (str, lambda value: value in _RULES, f'one of {", ".join(_RULES)}'),
}


@TASK_UTILS.register_module()
class ScoreSelector(Selector):
    """Keep what a cut leaves of a score: any of these with any of those.

    A score is the probability of every class for every sample (see
    :mod:`~deft_mm.selection.class_probs`), of which that of the given label counts:

    - 'zero_shot': the model's own, of zero-shot CLIP or of any other classifier;
    - 'features': a logistic regression on features, cross-validated (``folds``, ``C``,
      ``random_state``);
    - 'knn': the labels of the ``k`` nearest neighbours;
    - 'fused': the normalised geometric mean of the first two;
    - 'transport': 'zero_shot' shared out among classes of given sizes by optimal transport
      (``eps``, ``cost``, ``marginal``).

    A cut says which samples are kept (see :mod:`~deft_mm.selection.cuts`):

    - 'fixed': a probability above ``threshold``;
    - 'argmax': no other class is more probable;
    - 'mixture', 'mixture_per_class': a mixture of two Gaussians over the losses gives the lower one
      more than ``threshold``;
    - 'share': all but the share ``noise_ratio``;
    - 'confident_learning': what cleanlab does not find, by its ``rule``.

    Which cut is chosen often moves F1 more than the score. Samples of which nothing is known (that
    can't be read, or whose class the model doesn't have) are left out and not kept. With a CLIP
    backbone, features are the un-projected ones. The score is the probability of the given label,
    with a mixture its posterior.

    Args:
        score (str): Name of the score. Defaults to 'fused'.
        cut (str): Name of the cut. Defaults to 'argmax'.
        **options: ``folds`` (5), ``C`` (0.01), ``random_state`` (0), ``k`` (30), ``threshold``
            (0.5), ``noise_ratio``, ``rule`` ('prune_by_noise_rate'), ``eps`` (0.05), ``cost``
            ('prob'), ``marginal`` ('uniform'), as far as the two have them.

    Raises:
        ValueError: If a name is unknown, or an option is missing, out of range or of neither.
        ImportError: If confident learning is asked for and cleanlab is not installed.

    Example:

        .. code:: python

            selector = dict(type='ScoreSelector', score='knn', cut='fixed', k=20, threshold=0.3)
    """

    def __init__(self, score: str = 'fused', cut: str = 'argmax', **options: Any) -> None:
        name = type(self).__name__
        for key, value, known in (('score', score, SCORES), ('cut', cut, CUTS)):
            if value not in known:
                raise ValueError(f'{name}: `{key}` is one of {", ".join(known)}, found {value!r}.')
        self.score, self.cut, self.needs = score, cut, SCORES[score][1]
        of_cut = set(inspect.signature(CUTS[cut]).parameters) - {'probs_NC', 'labels'}
        known = options_of(score) | of_cut
        if not set(options) <= known:
            raise ValueError(
                f'{name}: {score!r} with {cut!r} has no {", ".join(set(options) - known)}; its '
                f'options: {", ".join(sorted(known)) or "none"}.'
            )
        check_options(name, options)
        if cut == 'share' and 'noise_ratio' not in options:
            raise ValueError(f"{name}: the cut 'share' needs `noise_ratio`, the share to reject.")
        if cut == 'confident_learning':
            require_cleanlab()
        self.score_options = {k: v for k, v in options.items() if k not in of_cut}
        self.cut_options = {k: v for k, v in options.items() if k in of_cut}

    def check(self, table: SampleTable) -> None:
        """Refuse another number of class sizes than of classes; see :meth:`Selector.check`."""
        marginal = self.score_options.get('marginal', 'uniform')
        class_sizes(marginal, table.label, len(table.class_names))

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by score and cut; see :meth:`Selector.__call__`."""
        known, columns = known_rows(table, self.needs)
        labels, num_classes = table.label[known], len(table.class_names)
        found = class_probs([self.score], labels, num_classes, columns, self.score_options)
        kept, score = np.zeros(len(table), dtype=bool), np.full(len(table), np.nan)
        kept[known], score[known] = CUTS[self.cut](found[self.score], labels, **self.cut_options)
        return kept, score


def known_rows(
    table: SampleTable, names: tuple[str, ...]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The samples of which wide columns are known, and what these say of them.

    Samples that people have excluded are none.

    Args:
        table (SampleTable): N samples.
        names (tuple[str]): Wide columns.

    Returns:
        tuple[np.ndarray, dict[str, np.ndarray]]: (N,) bool, and the rows of these samples by the
        name of the column: no copy where that is all of them.
    """
    columns = {name: getattr(table, name) for name in names}
    known = table.corrected_label != EXCLUDED
    for column in columns.values():
        for part in row_parts(len(table)):
            known[part] &= np.isfinite(column[part]).all(axis=1)
    if not known.all():
        columns = {name: column[known] for name, column in columns.items()}
    return known, columns


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options out of range.

    Args:
        name (str): Who has them, for the message.
        options (Mapping[str, Any]): Values by name.

    Raises:
        ValueError: If one is, or of another type.
    """
    for option, value in options.items():
        types, test, text = _OPTIONS[option]
        if not isinstance(value, types) or isinstance(value, bool) or not test(value):
            raise ValueError(f'{name}: `{option}` is {text}, found {value!r}.')
