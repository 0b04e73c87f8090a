import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from mmpretrain.datasets import KFoldDataset

from deft_mm.datasets import (
    CleanSubset,
    DigitsDataset,
    NoisyLabelDataset,
    base_datasets,
    img_paths_of,
    resolve,
)
from tests.test_datasets.dataset_utils import folder_dataset, image_folder


def test_resolve_goes_down_nested_wrappers(tmp_path):
    one = folder_dataset(image_folder(tmp_path / 'one'))
    two = folder_dataset(image_folder(tmp_path / 'two'))
    chain = NoisyLabelDataset(CleanSubset(ConcatDataset([one, two]), np.arange(24) >= 10))
    assert base_datasets(chain) == [one, two]
    assert resolve(chain, 0) == (one, 10)
    assert resolve(chain, 2) == (two, 0)
    paths = img_paths_of(chain)
    for idx in range(len(chain)):
        base, base_idx = resolve(chain, idx)
        assert paths[idx] == base.get_data_info(base_idx)['img_path']


def test_resolve_stays_within_the_fold():
    cfg = dict(type='DigitsDataset', indices=30)
    fold = KFoldDataset(cfg, fold=0, num_splits=3)
    base, idx = resolve(fold, 0)
    # Sample 0 of this fold is sample 10 of the whole, but its base data set holds the fold only.
    assert idx == 0 and len(base) == 20
    whole = DigitsDataset(indices=30)
    assert (base.get_data_info(0)['img'] == whole.get_data_info(10)['img']).all()


def test_images_in_memory_have_no_path():
    assert img_paths_of(DigitsDataset(indices=3)) == ['', '', '']


def test_wrapper_without_indices_is_refused_by_name():
    class Mystery:
        dataset = DigitsDataset(indices=3)

        def full_init(self):
            pass

        def __len__(self):
            return 3

    with pytest.raises(TypeError, match='Mystery'):
        resolve(Mystery(), 0)
    with pytest.raises(TypeError, match='Mystery'):
        img_paths_of(Mystery())
    with pytest.raises(TypeError, match='list'):
        base_datasets([1])
