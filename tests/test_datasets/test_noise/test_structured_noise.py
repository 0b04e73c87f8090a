import numpy as np
import pytest

from deft_mm.datasets import StructuredNoise, transition_matrix
from tests.test_datasets.test_noise.noise_utils import (
    assert_deterministic,
    golden,
    refuses_bad_ratios,
)


def test_equals_the_paper_bit_for_bit():
    labels, num_classes, expected = golden('cifar100/str0.4')
    noisy = StructuredNoise(0.4)(labels, num_classes)
    np.testing.assert_array_equal(noisy, expected)


@pytest.mark.parametrize('num_classes', [4, 5])
def test_transition_matrix_is_symmetric_noise_in_half_of_the_classes_and_none_in_the_others(
    num_classes,
):
    labels = np.arange(60_000) % num_classes
    matrix = transition_matrix(labels, StructuredNoise(0.6)(labels, num_classes), num_classes)
    clean = np.diag(matrix) == 1
    assert np.sum(~clean) == num_classes // 2
    expected = np.full((num_classes, num_classes), 0.6 / num_classes) + np.eye(num_classes) * 0.4
    np.testing.assert_allclose(matrix[~clean], expected[~clean], atol=0.02)


def test_same_seed_draws_the_same_and_leaves_other_generators_and_the_input_alone():
    assert_deterministic(lambda seed: StructuredNoise(0.5, seed), np.arange(100) % 5, 5)


def test_ratio_outside_0_to_1_is_refused():
    refuses_bad_ratios(StructuredNoise)
