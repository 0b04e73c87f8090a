import numpy as np
import pytest

from deft_mm.datasets import PairFlipNoise, transition_matrix
from tests.test_datasets.test_noise.noise_utils import assert_deterministic, refuses_bad_ratios


@pytest.mark.parametrize('ratio', [0.0, 0.45, 1.0])
def test_transition_matrix_has_the_ratio_beside_the_diagonal(ratio):
    labels = np.arange(50_000) % 5
    matrix = transition_matrix(labels, PairFlipNoise(ratio)(labels, 5), 5)
    expected = (1 - ratio) * np.eye(5) + ratio * np.roll(np.eye(5), 1, axis=1)
    np.testing.assert_allclose(matrix, expected, atol=0.02)
    # Nothing goes anywhere else.
    assert np.all(matrix[expected == 0] == 0)


def test_samples_are_drawn_one_by_one_and_not_a_fixed_number_of_them():
    labels = np.zeros(1000, dtype=np.int64)
    moved = {int(PairFlipNoise(0.3, seed)(labels, 2).sum()) for seed in range(5)}
    assert len(moved) > 1


def test_same_seed_draws_the_same_and_leaves_other_generators_and_the_input_alone():
    assert_deterministic(lambda seed: PairFlipNoise(0.5, seed), np.arange(100) % 5, 5)


def test_ratio_outside_0_to_1_is_refused():
    refuses_bad_ratios(PairFlipNoise)
