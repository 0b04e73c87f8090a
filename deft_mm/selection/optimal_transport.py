"""Entropic optimal transport between samples and classes.

Shapes: N samples, C classes.
"""

from __future__ import annotations

import logging

import numpy as np
from mmengine.logging import print_log
from scipy.optimize import minimize

from deft_mm.selection.row_parts import row_parts

# Share of the samples that may be with another class than the marginal says, without a warning.
_TOLERATED = 1e-3


def transport_plan(score_NC: np.ndarray, column_C: np.ndarray, eps: float) -> np.ndarray:
    r"""Share samples out among classes of given sizes, at the highest score.

    .. math::
        \Pi = argmax_\Pi \sum_{ic} \Pi_{ic} s_{ic} + \epsilon H(\Pi), \qquad
        \sum_c \Pi_{ic} = 1 / N, \quad \sum_i \Pi_{ic} = b_c

    The optimum is unique, and what Sinkhorn's iterations converge to. They converge slowly where
    ``eps`` is small, and fail where they are not done with logarithms. Here rows are solved for
    (their sums are exact), and what is left, a concave problem of C numbers, is solved by SciPy's
    L-BFGS, all in double precision and with logarithms (`Stochastic Optimization for Large-scale
    Optimal Transport <https://arxiv.org/abs/1605.08527>`_, Sec. 2: the semi-dual).

    Args:
        score_NC (np.ndarray): (N, C) what a sample gains with a class, the negative cost. What is
            added to a row changes nothing.
        column_C (np.ndarray): (C,) shares of the classes, 0 or more, with the sum 1. Classes of the
            share 0 get nothing.
        eps (float): Weight of the entropy, above 0, on the scale of the scores.

    Returns:
        np.ndarray: (N, C) float64, N times the plan: each row has the sum 1.
    """
    used = np.flatnonzero(column_C > 0)
    score_NC, column_C = score_NC[:, used], np.asarray(column_C, dtype=np.float64)
    share_C = column_C[used]

    def dual(potential_C: np.ndarray) -> tuple[float, np.ndarray]:
        value, sum_C = 0.0, np.zeros(len(used))
        for part in row_parts(len(score_NC)):
            row_n, log_sum_n = _rows(score_NC[part], potential_C, eps)
            value += eps * log_sum_n.sum()
            sum_C += row_n.sum(axis=0)
        return value / len(score_NC) - share_C @ potential_C, sum_C / len(score_NC) - share_C

    options = dict(maxiter=1000, maxfun=2000, maxcor=20, ftol=0, gtol=1e-9)
    start_C = np.zeros(len(used))
    found = minimize(dual, start_C, jac=True, method='L-BFGS-B', options=options)
    plan_NC = np.zeros((len(score_NC), len(column_C)))
    for part in row_parts(len(score_NC)):
        plan_NC[part, used] = _rows(score_NC[part], found.x, eps)[0]
    off = float(np.abs(plan_NC.mean(axis=0) - column_C).sum()) / 2
    if off > _TOLERATED:
        print_log(
            f'The optimal transport with eps={eps} has not converged: {off:.1%} of the samples are '
            'with other classes than the sizes of these say. Set eps higher.',
            logger='current',
            level=logging.WARNING,
        )
    return plan_NC


def _rows(
    score_nC: np.ndarray, potential_C: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the plan (n, C), each with the sum 1, and the logarithm of what divides them (n,)."""
    row_nC = (score_nC + potential_C) / eps
    most_n = row_nC.max(axis=1, keepdims=True)
    np.exp(row_nC - most_n, out=row_nC)
    sum_n = row_nC.sum(axis=1, keepdims=True)
    row_nC /= sum_n
    return row_nC, (most_n + np.log(sum_n)).squeeze(1)
