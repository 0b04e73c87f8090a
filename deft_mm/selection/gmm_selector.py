"""GMM: a mixture of two Gaussians over the losses tells right labels from wrong ones."""

from __future__ import annotations

import warnings

import numpy as np
from mmpretrain.registry import TASK_UTILS
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

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
        self.mixture = dict(
            n_components=2,
            max_iter=max_iter,
            tol=tol,
            reg_covar=reg_covar,
            random_state=random_state,
        )

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by the posterior; see :meth:`Selector.__call__`."""
        # In double precision: a posterior just above the threshold must not be rounded to it.
        posterior = self.posterior(table.loss)
        return posterior > self.threshold, posterior

    def posterior(self, loss: np.ndarray) -> np.ndarray:
        """Probability of the component with the lower mean.

        Args:
            loss (np.ndarray): (N,) losses.

        Returns:
            np.ndarray: (N,) float64; NaN where the loss is not finite.
        """
        loss = np.asarray(loss, dtype=np.float64)
        known = np.isfinite(loss)
        posterior = np.full(len(loss), np.nan)
        posterior[known] = self._posterior(loss[known])
        return posterior

    def _posterior(self, loss: np.ndarray) -> np.ndarray:
        span = np.ptp(loss) if len(loss) else 0.0
        if span == 0:
            return np.ones(len(loss))
        scaled = ((loss - loss.min()) / span)[:, None]
        with warnings.catch_warnings():
            # Ten iterations are what the method takes, converged or not.
            warnings.simplefilter('ignore', ConvergenceWarning)
            mixture = GaussianMixture(**self.mixture).fit(scaled)
        return mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
