import numpy as np

from deft_mm.datasets.own_images import held_out_mask

SIZES = [100, 41, 14, 5, 4, 1]
LABELS = np.repeat(np.arange(6), SIZES)
NAMES = [f'{label}/{i}' for i, label in enumerate(LABELS)]
ALL = np.ones(len(LABELS), dtype=bool)


def hold_out(labels=LABELS, names=NAMES, ratio=0.1, seed=0, allowed=ALL):
    return held_out_mask(labels, names, ratio, seed, allowed)


def test_every_class_gives_its_share_and_keeps_an_image():
    held_out = [int(hold_out()[label == LABELS].sum()) for label in range(6)]
    assert held_out == [10, 4, 1, 1, 0, 0]
    held_out = [int(hold_out(ratio=0.9)[label == LABELS].sum()) for label in range(6)]
    assert held_out == [90, 37, 13, 4, 3, 0]


def test_the_choice_depends_on_names_not_on_their_order():
    order = np.random.RandomState(0).permutation(len(LABELS))
    shuffled = hold_out(LABELS[order], [NAMES[i] for i in order], allowed=ALL)
    np.testing.assert_array_equal(shuffled, hold_out()[order])


def test_the_seed_changes_the_choice():
    assert (hold_out(seed=0) != hold_out(seed=1)).any()


def test_an_image_more_moves_at_most_one_other():
    more = hold_out(np.append(LABELS, 1), [*NAMES, 'one more'], allowed=np.append(ALL, True))
    assert np.count_nonzero(more[:-1] != hold_out()) <= 1


def test_what_is_not_allowed_is_not_chosen():
    allowed = ~hold_out()
    other = hold_out(allowed=allowed)
    assert not (other & ~allowed).any()
    assert other.sum() == hold_out().sum()


def test_a_choice_never_changes_between_versions():
    assert np.flatnonzero(hold_out(ratio=0.05)).tolist() == [4, 13, 15, 70, 89, 115, 125, 148]
