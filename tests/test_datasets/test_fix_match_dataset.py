from collections import Counter

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate
from mmengine.registry import FUNCTIONS
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    CleanSubset,
    FixMatchDataset,
    NoisyLabelDataset,
    clean_labels_of,
    dataset_fingerprint,
    fix_match_collate,
    given_labels_of,
    img_paths_of,
)
from tests.test_datasets.dataset_utils import LOAD_AND_PACK, PACK, folder_dataset, image_folder
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write


def darken(results: dict) -> dict:
    results['img'] = results['img'] // 2
    return results


STRONG = [darken, *PACK]


def fix_match(noisy=None, **options):
    noisy = NoisyLabelDataset(digits(), NOISE) if noisy is None else noisy
    options.setdefault('strong_pipeline', STRONG)
    selection = options.pop('selection', None) or selection_of(noisy)
    return FixMatchDataset(noisy, selection, **options)


def views_of(item) -> list[tuple[str, int]]:
    return [(data['data_samples'].view, data['data_samples'].sample_idx) for data in item]


def test_an_item_is_a_kept_sample_and_two_views_of_rejected_ones():
    noisy = NoisyLabelDataset(digits(), NOISE)
    dataset = fix_match(noisy, num_unlabelled=2)
    assert len(dataset) == KEPT.sum()
    for position, kept in enumerate(np.flatnonzero(KEPT)):
        item = dataset[position]
        views = views_of(item)
        assert [name for name, _ in views] == ['labelled', 'weak', 'strong', 'weak', 'strong']
        assert views[0][1] == kept
        assert item[0]['data_samples'].gt_label == noisy.given_labels[kept]
        assert torch.equal(item[0]['inputs'], noisy[int(kept)]['inputs'])
        for weak, strong in (item[1:3], item[3:5]):
            idx = weak['data_samples'].sample_idx
            assert idx == strong['data_samples'].sample_idx and not KEPT[idx]
            assert torch.equal(weak['inputs'], noisy[idx]['inputs'])
            assert torch.equal(strong['inputs'], noisy[idx]['inputs'] // 2)


def test_labels_of_rejected_samples_are_not_there():
    def note(results):
        seen.append(set(results))
        return results

    seen = []
    base = digits(pipeline=[note, *PACK])
    dataset = fix_match(NoisyLabelDataset(base, NOISE), strong_pipeline=[note, *PACK])
    samples = [data['data_samples'] for data in dataset[0]]
    assert ['gt_label' in sample for sample in samples] == [True, False, False]
    assert not any('gt_score' in sample for sample in samples)
    # Transforms don't see them either.
    assert ['gt_label' in keys for keys in seen] == [True, False, False]


def test_every_rejected_sample_is_drawn_as_often_as_others_and_no_other():
    dataset = fix_match(num_unlabelled=4)
    drawn = Counter(views_of(dataset[i % len(dataset)])[j][1] for i in range(300) for j in (1, 3))
    assert set(drawn) == set(np.flatnonzero(~KEPT))
    assert max(drawn.values()) < 3 * min(drawn.values())


def test_draws_follow_the_seed_of_numpy():
    dataset = fix_match()

    def draws():
        np.random.seed(3)
        return [views_of(dataset[i]) for i in range(len(dataset))]

    assert draws() == draws()


def test_what_is_known_of_it_is_what_is_known_of_the_kept_samples(tmp_path):
    noisy = NoisyLabelDataset(folder_dataset(image_folder(tmp_path / 'data')), NOISE)
    kept = np.arange(12) % 2 == 0
    dataset = fix_match(noisy, selection=selection_of(noisy, kept), strong_pipeline=LOAD_AND_PACK)
    subset = CleanSubset(noisy, kept)
    np.testing.assert_array_equal(given_labels_of(dataset), subset.given_labels)
    np.testing.assert_array_equal(clean_labels_of(dataset), subset.clean_labels)
    assert img_paths_of(dataset) == img_paths_of(subset)
    assert dataset_fingerprint(dataset) == dataset_fingerprint(subset)
    assert len(dataset[2]) == 3
    repeated = fix_match(
        noisy,
        selection=selection_of(noisy, kept),
        strong_pipeline=LOAD_AND_PACK,
        num_samples=9,
    )
    assert len(repeated) == len(repeated.given_labels) == 9
    assert views_of(repeated[8])[0] == ('labelled', repeated.indices[8])


def test_global_index_around_another_subset():
    noisy = NoisyLabelDataset(digits(), NOISE)
    inner = CleanSubset(noisy, np.arange(40) >= 30)
    kept = np.arange(10) < 5
    dataset = fix_match(inner, selection=selection_of(inner, kept))
    for position in range(5):
        (_, labelled), (_, weak), (_, strong) = views_of(dataset[position])
        assert labelled == 30 + position and weak == strong and 35 <= weak < 40


def test_images_that_could_not_be_read_are_never_drawn(tmp_path):
    base = folder_dataset(image_folder(tmp_path / 'data'))
    kept, pred_prob = np.arange(12) < 8, np.ones(12)
    pred_prob[8:11] = np.nan
    for name in ('0', '1', '2'):
        (tmp_path / 'data' / 'class_2' / f'{name}.png').unlink()
    dataset = fix_match(
        base,
        selection=selection_of(base, kept, pred_prob=pred_prob),
        strong_pipeline=LOAD_AND_PACK,
    )
    assert {views_of(dataset[i % 8])[1][1] for i in range(40)} == {11}


def test_a_pipeline_that_returns_nothing_is_answered_by_another_item():
    def refuse_odd(results):
        return None if results['sample_idx'] % 2 else results

    dataset = fix_match(strong_pipeline=[refuse_odd, *PACK])
    assert all(views_of(dataset[i])[1][1] % 2 == 0 for i in range(len(dataset)))


def test_collated_batch_has_all_images_and_samples(tmp_path):
    path = write(tmp_path / 'selection.csv', digits())
    dataset = FixMatchDataset(digits(), path, STRONG, num_unlabelled=2)
    assert FUNCTIONS.get('fix_match_collate') is fix_match_collate
    for workers in (0, 1):
        loader = DataLoader(dataset, 3, num_workers=workers, collate_fn=fix_match_collate)
        batch = next(iter(loader))
        assert batch['inputs'].shape == (15, 3, 8, 8)
        assert Counter(s.view for s in batch['data_samples']) == dict(labelled=3, weak=6, strong=6)
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
            original = digits()[sample.sample_idx]['inputs']
            assert torch.equal(image, original // 2 if sample.view == 'strong' else original)


def test_collates_other_data_sets_as_usual():
    items = [digits()[i] for i in range(4)]
    one, two = fix_match_collate(items), default_collate(items)
    assert torch.equal(one['inputs'], two['inputs'])
    assert one['data_samples'] == two['data_samples']


def test_views_of_different_size_are_an_error_that_says_which():
    dataset = fix_match(strong_pipeline=[dict(type='Resize', scale=16), *PACK])
    with pytest.raises(ValueError, match=r'\(3, 16, 16\) \(strong\).*strong_pipeline'):
        fix_match_collate([dataset[0]])


def test_nothing_rejected_is_an_error_that_names_the_alternative():
    unreadable = np.where(KEPT, 1, np.nan)
    for selection in (
        selection_of(digits(), np.ones(40, bool)),
        selection_of(digits(), pred_prob=unreadable),
    ):
        with pytest.raises(ValueError, match='rejects none of the 40 samples.*CleanSubset'):
            FixMatchDataset(digits(), selection, STRONG)
    with pytest.raises(ValueError, match='keeps none of the 40'):
        FixMatchDataset(digits(), selection_of(digits(), np.zeros(40, bool)), STRONG)


def test_wrong_arguments_are_errors_that_name_them():
    with pytest.raises(ValueError, match='`num_unlabelled` is 0'):
        fix_match(num_unlabelled=0)
    with pytest.raises(ValueError, match='strong_pipeline ends in something else than PackInputs'):
        fix_match(strong_pipeline=[darken])[0]
