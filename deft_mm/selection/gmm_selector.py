"""GMM: a mixture of two Gaussians over the losses tells right labels from wrong ones."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.mixture import mixture_posterior
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class GMMSelector(Selector):
    """Keep the samples whose loss belongs to the lower of two Gaussians.

    The losses are scaled to [0, 1] by their extremes; the score of a sample is the posterior
    probability of the component with the lower mean. From `DivideMix: Learning with Noisy Labels as
    Semi-supervised Learning <https://arxiv.org/abs/2002.07394>`_; the defaults are those of DeFT's
    comparison (arXiv 2409.19696), whose reference fixes no random state. Where all losses are
    equal, or there is only one, there is nothing to tell apart: every score is 1. Samples without a
    finite loss (unreadable ones, or those of a diverged model) are left out and never kept.

    Args:
        threshold (float): Keep where the score is above it, in [0, 1). Defaults to 0.5.
        max_iter (int): Iterations of the fit at most. Defaults to 10.
        tol (float): Gain in likelihood below which the fit ends. Defaults to 1e-2.
        reg_covar (float): Added to the variances. Defaults to 5e-4.
        random_state (int): Seed of the fit's start, fixed so that a resumed run selects the same.
            Defaults to 0.
        per_class (bool): Whether each given class has a mixture of its own; one with fewer than 20
            losses takes that of all samples. Defaults to False.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            selector = dict(type='GMMSelector')
    """

    needs = ('loss',)

    def __init__(
        self,
        threshold: float = 0.5,
        max_iter: int = 10,
        tol: float = 1e-2,
        reg_covar: float = 5e-4,
        random_state: int = 0,
        per_class: bool = False,
    ) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(
                f'GMMSelector: `threshold` is a probability in [0, 1), found {threshold}.'
            )
        for name, value, least in (
            ('max_iter', max_iter, 1),
            ('tol', tol, 0),
            ('reg_covar', reg_covar, 0),
            ('random_state', random_state, 0),
        ):
            if not least <= value < 2**32:  # the end of NumPy's seeds
                raise ValueError(f'GMMSelector: `{name}` is {value}: set it to {least} or more.')
        self.threshold = threshold
        self.per_class = per_class
        self.mixture = dict(
            max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=random_state
        )

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by the posterior; see :meth:`Selector.__call__`."""
        posterior = self.posterior(table.loss, table.label)
        return posterior > self.threshold, posterior

    def posterior(self, loss: np.ndarray, given_label: np.ndarray | None = None) -> np.ndarray:
        """Probability of the component with the lower mean.

        Args:
            loss (np.ndarray): (N,) losses.
            given_label (np.ndarray, optional): (N,) given labels, for ``per_class``. Defaults to
                None.

        Returns:
            np.ndarray: (N,) float64; NaN where the loss is not finite.
        """
        return mixture_posterior(loss, given_label if self.per_class else None, **self.mixture)
