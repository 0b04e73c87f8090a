import random

import numpy as np
import pytest

from deft_mm.datasets import SymmetricNoise, build_noise
from tests.test_datasets.test_noise.noise_utils import (
    assert_deterministic,
    golden,
    refuses_bad_ratios,
)


def test_equals_the_paper_bit_for_bit():
    labels, num_classes, expected = golden('cifar100/sym0.6')
    noisy = SymmetricNoise(ratio=0.6, seed=0)(labels, num_classes)
    np.testing.assert_array_equal(noisy, expected)


def test_without_an_order_of_the_classes_labels_follow_the_choice_of_the_samples():
    # CUB-200-2011's 5,994 samples, as the reference draws their noise
    labels = np.arange(5994) // 30
    draw = random.Random(0)
    order = list(range(5994))
    draw.shuffle(order)
    expected = labels.copy()
    for idx in sorted(order[: int(0.4 * 5994)]):
        expected[idx] = draw.randint(0, 199)
    noisy = SymmetricNoise(0.4, shuffle_classes=False)(labels, 200)
    np.testing.assert_array_equal(noisy, expected)
    assert (noisy != SymmetricNoise(0.4)(labels, 200)).any()


def test_the_order_of_the_classes_is_a_parameter_only_where_it_is_not_drawn():
    # so that noise files of earlier versions fit
    assert 'shuffle_classes' not in SymmetricNoise(0.4).parameters()
    assert SymmetricNoise(0.4, shuffle_classes=False).parameters()['shuffle_classes'] is False


@pytest.mark.parametrize('ratio', [0.0, 0.2, 0.6, 1.0])
def test_realised_rate_is_ratio_times_share_of_wrong_classes(ratio):
    labels = np.arange(40_000) % 10
    noisy = SymmetricNoise(ratio)(labels, 10)
    assert np.mean(noisy != labels) == pytest.approx(ratio * 0.9, abs=0.01)


def test_excluding_the_true_class_makes_every_drawn_label_wrong():
    labels = np.arange(20_000) % 4
    noisy = SymmetricNoise(0.3, exclude_true=True)(labels, 4)
    assert np.sum(noisy != labels) == 6_000
    transitions = np.zeros((4, 4))
    np.add.at(transitions, (labels, noisy), 1 / 5_000)
    expected = np.full((4, 4), 0.1) + np.eye(4) * 0.6
    np.testing.assert_allclose(transitions, expected, atol=0.02)


def test_transition_matrix_is_uniform_over_all_classes():
    labels = np.arange(40_000) % 4
    noisy = SymmetricNoise(0.4)(labels, 4)
    transitions = np.zeros((4, 4))
    np.add.at(transitions, (labels, noisy), 1 / 10_000)
    np.testing.assert_allclose(transitions, np.full((4, 4), 0.1) + np.eye(4) * 0.6, atol=0.02)


def test_same_seed_draws_the_same_and_leaves_other_generators_and_the_input_alone():
    assert_deterministic(lambda seed: SymmetricNoise(0.5, seed), np.arange(100) % 5, 5)


def test_ratio_outside_0_to_1_is_refused():
    refuses_bad_ratios(SymmetricNoise)


def test_excluding_the_only_class_is_refused():
    with pytest.raises(ValueError, match='exclude_true'):
        SymmetricNoise(0.5, exclude_true=True)(np.zeros(4, int), 1)


def test_unknown_noise_lists_the_known_ones():
    with pytest.raises(ValueError, match='Known noise models:.*SymmetricNoise'):
        build_noise(dict(type='SymetricNoise', ratio=0.5))
    # Registered, but no noise model.
    with pytest.raises(ValueError, match='Known noise models'):
        build_noise(dict(type='DualPromptSelector'))
