"""Samples shared out among classes: against Sinkhorn's iterations and a linear programme."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from deft_mm.selection import (
    OptimalTransportSelector,
    ScoreSelector,
    build_selector,
    class_probs,
    optimal_transport,
)
from deft_mm.selection.optimal_transport import transport_plan
from tests.test_selection.selection_utils import clustered, clusters


def sinkhorn(cost, sizes, eps, iterations):
    """Rows and columns scaled in turn, a number at a time, of the kernel as it is."""
    n, c = cost.shape
    kernel = [[math.exp(-cost[i, j] / eps) for j in range(c)] for i in range(n)]
    v = [1.0] * c
    for _ in range(iterations):
        u = [1 / n / sum(kernel[i][j] * v[j] for j in range(c)) for i in range(n)]
        v = [sizes[j] / sum(kernel[i][j] * u[i] for i in range(n)) for j in range(c)]
    u = [1 / n / sum(kernel[i][j] * v[j] for j in range(c)) for i in range(n)]
    return np.array([[u[i] * kernel[i][j] * v[j] for j in range(c)] for i in range(n)])


@pytest.fixture
def warnings(monkeypatch):
    found = []
    monkeypatch.setattr(optimal_transport, 'print_log', lambda text, **_: found.append(text))
    return found


def random_probs(n, c, seed=0):
    return np.random.RandomState(seed).dirichlet(np.full(c, 0.5), size=n)


@pytest.mark.parametrize('sizes', [[0.25] * 4, [0.1, 0.2, 0.3, 0.4]])
@pytest.mark.parametrize('eps', [1.0, 0.1])
def test_plan_is_what_sinkhorn_converges_to(eps, sizes):
    probs = random_probs(30, 4)
    expected = sinkhorn(-probs, sizes, eps, iterations=600)
    np.testing.assert_allclose(expected.sum(axis=0), sizes, atol=1e-10)
    np.testing.assert_allclose(
        transport_plan(probs, np.array(sizes), eps) / 30, expected, atol=1e-8
    )


@pytest.mark.parametrize('cost', ['prob', 'log_prob'])
def test_without_entropy_the_plan_is_that_of_a_linear_programme(cost, warnings):
    n, c = 24, 4
    probs = random_probs(n, c, seed=1)
    score = probs if cost == 'prob' else np.log(probs)
    rows, columns = np.repeat(np.eye(n), c, axis=1), np.tile(np.eye(c), n)
    exact = linprog(
        -score.ravel(),
        A_eq=np.vstack([rows, columns]),
        b_eq=np.concatenate([np.full(n, 1 / n), np.full(c, 1 / c)]),
    )
    plan = class_probs.transport(np.zeros(n, dtype=int), c, probs, eps=1e-3, cost=cost)
    assert (plan / n * score).sum() == pytest.approx(-exact.fun, rel=1e-3)
    np.testing.assert_array_equal(plan.argmax(axis=1), exact.x.reshape(n, c).argmax(axis=1))
    assert (plan.argmax(axis=1) != probs.argmax(axis=1)).any() and not warnings


@pytest.mark.parametrize('eps', [0.5, 0.05, 0.01, 0.001])
@pytest.mark.parametrize('confidence', [1, 20])
def test_rows_are_exact_and_columns_hold_however_small_eps_is(eps, confidence, warnings):
    """exp(-M / eps) itself is 0 for all entries at 0.001."""
    draw = np.random.RandomState(0)
    logits = confidence * draw.randn(400, 10) + np.linspace(0, 1, 10)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    plan = transport_plan(probs.astype(np.float32), np.full(10, 0.1), eps)
    np.testing.assert_allclose(plan.sum(axis=1), 1, rtol=0, atol=1e-14)
    np.testing.assert_allclose(plan.mean(axis=0), 0.1, atol=1e-5)
    assert not warnings


def test_what_is_added_to_a_row_changes_nothing_as_the_softmax_of_probabilities_does_not():
    probs = random_probs(50, 5)
    twice = np.log(np.exp(probs) / np.exp(probs).sum(axis=1, keepdims=True))
    sizes = np.full(5, 0.2)
    np.testing.assert_allclose(
        transport_plan(probs, sizes, 0.05), transport_plan(twice, sizes, 0.05), atol=1e-7
    )


def test_parts_of_rows_make_no_difference(monkeypatch):
    probs, sizes = random_probs(50, 5), np.full(5, 0.2)
    whole = transport_plan(probs, sizes, 0.05)
    parts = [slice(0, 20), slice(20, 50)]
    monkeypatch.setattr(optimal_transport, 'row_parts', lambda _: parts)
    np.testing.assert_allclose(transport_plan(probs, sizes, 0.05), whole, atol=1e-7)


def test_a_class_of_no_size_gets_nothing():
    plan = transport_plan(random_probs(30, 3), np.array([0.5, 0, 0.5]), 0.05)
    assert not plan[:, 1].any() and np.isfinite(plan).all()
    np.testing.assert_allclose(plan.mean(axis=0), [0.5, 0, 0.5], atol=1e-6)


def test_what_has_not_converged_is_said(monkeypatch, warnings):
    real = optimal_transport.minimize

    def give_up(*args, options, **kwargs):
        return real(*args, options=dict(options, maxiter=1), **kwargs)

    monkeypatch.setattr(optimal_transport, 'minimize', give_up)
    transport_plan(random_probs(30, 3) * [1, 2, 3], np.full(3, 1 / 3), 0.01)
    (text,) = warnings
    assert 'eps=0.01 has not converged' in text and 'Set eps higher' in text


# -- the selector ---------------------------------------------------------------------


def test_sample_is_kept_where_the_plan_is_highest_at_its_label():
    table = clustered(200, num_classes=4, wrong=0.3)
    kept, score = OptimalTransportSelector()(table)
    plan = 200 * sinkhorn(-table.probs.astype(float), [0.25] * 4, 0.05, iterations=1500)
    np.testing.assert_array_equal(kept, plan.argmax(axis=1) == table.given_label)
    np.testing.assert_allclose(score, plan[np.arange(200), table.given_label], atol=1e-6)
    assert OptimalTransportSelector.gives_probability and 0.5 < kept.mean() < 0.9


def test_sizes_of_classes_are_equal_counted_or_given():
    _, labels, probs = clusters(300, num_classes=3, wrong=0.4)
    labels = np.where(labels == 2, 0, labels)
    shares = {}
    for name, marginal in dict(uniform='uniform', given='given', own=[3, 2, 1]).items():
        plan = class_probs.transport(labels, 3, probs, marginal=marginal)
        shares[name] = plan.mean(axis=0)
    counted = np.bincount(labels, minlength=3) / 300
    expected = dict(uniform=np.full(3, 1 / 3), given=counted, own=np.array([3, 2, 1]) / 6)
    for name, share in shares.items():
        np.testing.assert_allclose(share, expected[name], atol=1e-6)


def test_selector_is_a_score_and_a_cut():
    table = clustered(100, num_classes=3, wrong=0.3)
    found = OptimalTransportSelector(eps=0.2, cost='log_prob', marginal='given')(table)
    options = dict(eps=0.2, cost='log_prob', marginal='given')
    expected = ScoreSelector('transport', 'argmax', **options)(table)
    for values, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(values, same)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(eps=0), '`eps` is a number above 0, found 0'),
        (dict(eps=-0.05), '`eps` is a number above 0, found -0.05'),
        (dict(eps=float('nan')), '`eps` is a number above 0, found nan'),
        (dict(cost='logit'), "`cost` is one of prob, log_prob, found 'logit'"),
        (dict(marginal='balanced'), "`marginal` is 'uniform', 'given', .* found 'balanced'"),
        (dict(marginal=[0.5, -0.5, 1]), '`marginal` is .* 0 or more, found'),
        (dict(marginal=[0, 0]), '`marginal` is'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=f'OptimalTransportSelector: {match}'):
        build_selector(dict(type='OptimalTransportSelector', **options))


def test_sizes_of_other_classes_are_told():
    selector = OptimalTransportSelector(marginal=[1, 2])
    for step in (selector.check, selector):
        with pytest.raises(ValueError, match='`marginal` has 2 sizes, and there are 3 classes'):
            step(clustered(30, num_classes=3))
