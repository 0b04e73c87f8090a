import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.datasets.categories import CIFAR10_CATEGORIES, CIFAR100_CATEGORIES

from deft_mm.datasets import AsymmetricNoise, DigitsDataset, transition_matrix
from tests.test_datasets.test_noise.noise_utils import (
    assert_deterministic,
    golden,
    refuses_bad_ratios,
)

LABELS = np.arange(10_000) % 10
# A row is a superclass, as the page of the data set lists them.
SUPERCLASSES = """
    beaver dolphin otter seal whale
    aquarium_fish flatfish ray shark trout
    orchid poppy rose sunflower tulip
    bottle bowl can cup plate
    apple mushroom orange pear sweet_pepper
    clock keyboard lamp telephone television
    bed chair couch table wardrobe
    bee beetle butterfly caterpillar cockroach
    bear leopard lion tiger wolf
    bridge castle house road skyscraper
    cloud forest mountain plain sea
    camel cattle chimpanzee elephant kangaroo
    fox porcupine possum raccoon skunk
    crab lobster snail spider worm
    baby boy girl man woman
    crocodile dinosaur lizard snake turtle
    hamster mouse rabbit shrew squirrel
    maple_tree oak_tree palm_tree pine_tree willow_tree
    bicycle bus motorcycle pickup_truck train
    lawn_mower rocket streetcar tank tractor
"""


def targets(num_classes: int, mapping, dataset=None) -> list[int]:
    """Where each class goes when all samples move."""
    noise = AsymmetricNoise(1.0, mapping=mapping)
    return noise(np.arange(num_classes), num_classes, dataset=dataset).tolist()


def test_equals_the_paper_bit_for_bit():
    labels, num_classes, expected = golden('cifar10/asym0.4')
    noisy = AsymmetricNoise(0.4)(labels, num_classes)
    np.testing.assert_array_equal(noisy, expected)


@pytest.mark.parametrize('ratio', [0.0, 0.3, 1.0])
def test_transition_matrix_moves_the_ratio_to_the_next_class(ratio):
    noisy = AsymmetricNoise(ratio)(LABELS, 10)
    assert np.sum(noisy != LABELS) == int(ratio * 10_000)
    expected = (1 - ratio) * np.eye(10) + ratio * np.roll(np.eye(10), 1, axis=1)
    np.testing.assert_allclose(transition_matrix(LABELS, noisy, 10), expected, atol=0.05)


def test_cifar10_map_confuses_the_classes_that_look_alike():
    found = {
        CIFAR10_CATEGORIES[class_]: CIFAR10_CATEGORIES[target]
        for class_, target in enumerate(targets(10, 'cifar10'))
        if class_ != target
    }
    assert found == dict(truck='automobile', bird='airplane', deer='horse', cat='dog', dog='cat')
    noisy = AsymmetricNoise(0.4, mapping='cifar10')(LABELS, 10)
    # Half of the classes stay as they are.
    assert np.mean(noisy != LABELS) == pytest.approx(0.2, abs=0.01)


def test_cifar100_map_goes_round_within_the_superclass():
    names = list(CIFAR100_CATEGORIES)
    found = targets(100, 'cifar100')
    superclasses = SUPERCLASSES.strip().splitlines()
    assert len(superclasses) == 20
    for superclass in superclasses:
        members = sorted(names.index(name) for name in superclass.split())
        assert [found[member] for member in members] == [*members[1:], members[0]]


def test_any_map_by_index_name_or_list():
    digits = DigitsDataset(indices=10)
    seven_to_one = [0, 1, 2, 3, 4, 5, 6, 1, 8, 9]
    assert targets(10, {7: 1}) == seven_to_one
    assert targets(10, dict(seven='one'), digits) == seven_to_one
    assert targets(10, {'seven': 1}, digits) == seven_to_one
    assert targets(10, seven_to_one) == seven_to_one
    names = digits.metainfo['classes']
    assert targets(10, [names[i] for i in seven_to_one], digits) == seven_to_one


def test_map_by_index_survives_a_config_file(tmp_path):
    cfg = Config(dict(noise=dict(mapping={7: 1, 3: 8})))
    cfg.dump(tmp_path / 'config.py')
    mapping = Config.fromfile(tmp_path / 'config.py').noise.mapping
    assert targets(10, mapping) == targets(10, {7: 1, 3: 8}) == [0, 1, 2, 8, 4, 5, 6, 1, 8, 9]


def test_same_seed_moves_the_same_and_leaves_other_generators_and_the_input_alone():
    assert_deterministic(lambda seed: AsymmetricNoise(0.5, seed), LABELS, 10)


def test_ratio_outside_0_to_1_is_refused():
    refuses_bad_ratios(AsymmetricNoise)


@pytest.mark.parametrize(
    ('mapping', 'match'),
    [
        ('cifar100', 'CIFAR100, the data set has 10'),
        ({10: 1}, '10 in `mapping` is no class.*0 to 9'),
        (dict(zero='eleven'), "'eleven' in `mapping` is no class"),
        (['one'], 'has 1 entries, the data set 10'),
        ({1: 2.5}, '2.5 in `mapping` is no class'),
    ],
)
def test_map_that_does_not_fit_is_refused(mapping, match):
    with pytest.raises(ValueError, match=match):
        targets(10, mapping, DigitsDataset(indices=10))


def test_unknown_named_map_lists_the_known_ones():
    with pytest.raises(ValueError, match="'next', 'cifar10', 'cifar100'"):
        AsymmetricNoise(0.2, mapping='mnist')
