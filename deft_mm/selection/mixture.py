"""A mixture of two Gaussians over losses, of all samples or of each class.

Shapes: N samples.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

# Four samples for each of the five parameters of a mixture.
_LEAST = 20


def mixture_posterior(
    loss: np.ndarray,
    group: np.ndarray | None = None,
    max_iter: int = 10,
    tol: float = 1e-2,
    reg_covar: float = 5e-4,
    random_state: int = 0,
) -> np.ndarray:
    """Probability of the component with the lower mean, in double precision throughout.

    Losses are scaled to [0, 1] by their extremes. Where all are equal, every probability is 1.

    Args:
        loss (np.ndarray): (N,) losses.
        group (np.ndarray, optional): (N,) the class of each sample, to fit a mixture a class; a
            class with fewer than 20 finite losses takes that of all samples. None fits one.
            Defaults to None.
        max_iter (int): Iterations of the fit at most. Defaults to 10.
        tol (float): Gain in likelihood below which the fit ends. Defaults to 1e-2.
        reg_covar (float): Added to the variances. Defaults to 5e-4.
        random_state (int): Seed of the fit's start. Defaults to 0.

    Returns:
        np.ndarray: (N,) float64; NaN where the loss is not finite.
    """
    options = dict(max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=random_state)
    loss = np.asarray(loss, dtype=np.float64)
    known = np.isfinite(loss)
    posterior = np.full(len(loss), np.nan)
    # In double precision: a posterior just above a threshold must not be rounded to it.
    posterior[known] = _posterior(loss[known], options)
    if group is not None:
        for value in np.unique(group):
            members = known & (group == value)
            if members.sum() >= _LEAST:
                posterior[members] = _posterior(loss[members], options)
    return posterior


def _posterior(loss: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    span = np.ptp(loss) if len(loss) else 0.0
    if span == 0:
        return np.ones(len(loss))
    scaled = ((loss - loss.min()) / span)[:, None]
    with warnings.catch_warnings():
        # Ten iterations are what the method takes, converged or not.
        warnings.simplefilter('ignore', ConvergenceWarning)
        mixture = GaussianMixture(n_components=2, **options).fit(scaled)
    return mixture.predict_proba(scaled)[:, mixture.means_.argmin()]
