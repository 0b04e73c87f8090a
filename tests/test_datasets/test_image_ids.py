"""Images are told apart by what they show."""

from pathlib import Path

import numpy as np
import pytest
from mmpretrain.datasets import BaseDataset
from PIL import Image

from deft_mm.datasets import image_ids


class Listed(BaseDataset):
    """A data set of annotations that are given."""

    def __init__(self, infos):
        self.infos = infos
        super().__init__(ann_file='', metainfo=dict(classes=['a', 'b']), pipeline=[])

    def load_data_list(self):
        return self.infos


def ids_of(*infos):
    dataset = Listed([dict(dict(gt_label=0), **info) for info in infos])
    return image_ids.image_ids(dataset, range(len(infos))).tolist()


@pytest.fixture
def files(tmp_path):
    """Three files, of which two have the same content."""
    draw, paths = np.random.RandomState(0), []
    for name, pixels in zip(
        'abc', [*draw.randint(0, 255, (2, 8, 8, 3), np.uint8), None], strict=True
    ):
        paths.append(str(tmp_path / f'{name}.png'))
        if pixels is not None:
            Image.fromarray(pixels).save(paths[-1])
    (tmp_path / 'c.png').write_bytes((tmp_path / 'a.png').read_bytes())
    return paths


def test_files_of_one_content_have_one_number_whatever_their_label_and_place(files):
    first, second, copy, relabelled = ids_of(
        *(dict(img_path=path) for path in files), dict(img_path=files[0], gt_label=1)
    )
    assert first == copy == relabelled != second
    assert ids_of(*(dict(img_path=path) for path in files)) == [first, second, copy]


def test_a_changed_file_has_another_number(files):
    (before,) = ids_of(dict(img_path=files[0]))
    content = bytearray(Path(files[0]).read_bytes())
    content[-1] ^= 1
    Path(files[0]).write_bytes(content)
    assert ids_of(dict(img_path=files[0])) != [before]


def test_images_in_memory_are_told_apart_by_their_pixels():
    image = np.zeros((4, 4, 3), np.uint8)
    other = image.copy()
    other[0, 0, 0] = 1
    ids = ids_of(dict(img=image), dict(img=other), dict(img=image.copy(), img_path='somewhere'))
    assert ids[0] == ids[2] != ids[1]


def test_a_box_within_the_image_counts():
    image = np.zeros((4, 4, 3), np.uint8)
    ids = ids_of(*(dict(img=image, bbox=box) for box in ([0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 3])))
    assert ids[0] == ids[1] != ids[2]
    long = np.zeros(5000)
    changed = long.copy()
    changed[2500] = 1
    assert len(set(ids_of(dict(img=image, mask=long), dict(img=image, mask=changed)))) == 2


def test_what_cannot_be_read_is_never_found_again(tmp_path):
    gone = dict(img_path=str(tmp_path / 'gone.png'))
    assert len({*ids_of(gone, gone), *ids_of(gone, dict())}) == 4


def test_some_of_many_are_numbered_as_all_of_them(monkeypatch):
    monkeypatch.setattr(image_ids, '_AT_ONCE', 3)
    infos = [dict(img=np.full((2, 2, 3), i, np.uint8)) for i in range(10)]
    dataset = Listed([dict(info, gt_label=0) for info in infos])
    whole = image_ids.image_ids(dataset, range(10))
    assert len(set(whole.tolist())) == 10 and whole.dtype == np.uint64
    np.testing.assert_array_equal(image_ids.image_ids(dataset, np.array([7, 2])), whole[[7, 2]])
