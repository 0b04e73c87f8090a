"""Files of features: what is written is found again, what is damaged is not read."""

import io
import os
import pickle

import numpy as np
import pytest

from deft_mm.engine import feature_store
from deft_mm.engine.feature_store import FeatureStore
from deft_mm.selection.fingerprint import digest


def store_in(folder, widths=(3, 2), dtype='float16') -> FeatureStore:
    return FeatureStore(folder, widths, dtype)


def rows(images, widths=(3, 2)):
    """Features that say of which image they are."""
    images = np.array(images, dtype=np.uint64)
    return images, [np.float32(images % 97)[:, None] + np.arange(width) / 8 for width in widths]


def write(folder, *groups, **options):
    """A file for each group of images."""
    for group in groups:
        store = store_in(folder, **options)
        store.add(*rows(group))
        store.flush()


def read(folder, images, **options):
    store = store_in(folder, **options)
    places = store.find(np.array(images, dtype=np.uint64))
    return places, store.read(places[places >= 0])


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
def test_images_are_found_in_any_order_and_others_are_not(dtype, tmp_path):
    write(tmp_path, [5, 9, 2], [2**63, 7], dtype=dtype)
    places, features = read(tmp_path, [7, 1, 2, 9, 2**63, 2], dtype=dtype)
    np.testing.assert_array_equal(places < 0, [False, True, False, False, False, False])
    for found, expected in zip(features, rows([7, 2, 9, 2**63, 2])[1], strict=True):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected.astype(dtype))


def test_nothing_is_found_where_nothing_is(tmp_path):
    places, (token, projected) = read(tmp_path / 'nowhere', [1, 2])
    assert places.tolist() == [-1, -1] and len(token) == len(projected) == 0
    assert not (tmp_path / 'nowhere').exists()


def test_a_file_is_written_when_there_are_enough_or_it_takes_long(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_store, '_ROWS', 4)
    store = store_in(tmp_path)
    for image in range(5):
        store.add(*rows([image]))
        assert len(list(tmp_path.iterdir())) == (image >= 3)
    monkeypatch.setattr(feature_store, '_SECONDS', 0.0)
    store.add(*rows([5]))
    assert len(list(tmp_path.iterdir())) == 2
    assert (read(tmp_path, range(6))[0] >= 0).all()


def as_file(values, allow_pickle=False) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=allow_pickle)
    return file.getvalue()


class Trap:
    """What must not be unpickled."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.parametrize(
    ('damage', 'named_rightly'),
    [
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), False),
        (lambda content: content[: len(content) // 2], False),
        (lambda content: b'', True),
        (lambda content: as_file(np.zeros((2, 5), np.float16)), True),
        (lambda content: as_file(np.array([Trap()], dtype=object), allow_pickle=True), True),
        (lambda content: pickle.dumps(Trap()), True),
    ],
    ids=['bit', 'half', 'empty', 'other array', 'object array', 'pickle'],
)
def test_a_damaged_file_is_told_and_removed_and_the_others_are_read(
    damage, named_rightly, tmp_path, capsys
):
    write(tmp_path, [1, 2], [3])
    path = next(p for p in tmp_path.iterdir() if len(np.load(p)) == 2)
    content = damage(path.read_bytes())
    damaged = path.with_name(f'{digest(content, size=16)}.npy') if named_rightly else path
    path.unlink()
    damaged.write_bytes(content)
    places, features = read(tmp_path, [1, 2, 3])
    assert (places >= 0).tolist() == [False, False, True]
    np.testing.assert_array_equal(features[0], rows([3])[1][0])
    assert (
        f'1 files of features in {tmp_path} are damaged ({damaged.name})' in capsys.readouterr().out
    )
    assert not damaged.exists()


def test_features_of_other_widths_are_not_read(tmp_path):
    write(tmp_path, [1])
    assert read(tmp_path, [1], widths=(2, 3))[0].tolist() == [-1]


def test_a_half_written_file_is_no_file(tmp_path):
    write(tmp_path, [1])
    (path,) = tmp_path.iterdir()
    young, old = (tmp_path / f'.{name}.npy.abcd1234.deft_mm-tmp' for name in ('young', 'old'))
    for temporary in (young, old):
        temporary.write_bytes(path.read_bytes()[:-3])
    os.utime(old, (0, 0))
    assert read(tmp_path, [1])[0].tolist() == [0]
    # That of another process is left alone.
    assert young.exists() and not old.exists()


def test_several_write_to_one_folder(tmp_path):
    first, second = store_in(tmp_path), store_in(tmp_path)
    first.add(*rows([1, 2]))
    second.add(*rows([2, 3]))
    first.flush()
    second.flush()
    places, features = read(tmp_path, [1, 2, 3])
    assert (places >= 0).all()
    np.testing.assert_array_equal(features[1], rows([1, 2, 3])[1][1])
