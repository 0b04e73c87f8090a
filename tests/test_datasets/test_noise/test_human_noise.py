import io
import os
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from deft_mm.datasets import HumanNoise, transition_matrix
from deft_mm.engine.checkpoint_loading import allow_mmengine_checkpoints

CLEAN = np.arange(600) % 10
KEYS_10 = ['aggre_label', 'random_label1', 'random_label2', 'random_label3', 'worse_label']


def cifar10n() -> dict[str, np.ndarray]:
    """A dict as CIFAR-10_human.pt holds it: each key moves other samples."""
    arrays = dict(clean_label=CLEAN)
    for shift, key in enumerate(KEYS_10, start=1):
        arrays[key] = np.where(CLEAN % 2 == 0, (CLEAN + shift) % 10, CLEAN)
    return arrays


def name_numpy_1(content: bytes) -> bytes:
    """What a writer with numpy 1 would have written."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, 'w') as new:
        for name in old.namelist():
            data = old.read(name).replace(b'numpy._core.multiarray', b'numpy.core.multiarray')
            new.writestr(name, data)
    return out.getvalue()


def write(path, content, **options):
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize('key', KEYS_10)
def test_each_key_of_cifar10n_gives_its_labels(tmp_path, key):
    noisy = HumanNoise(write(tmp_path / 'human.pt', cifar10n()), key)(CLEAN, 10)
    assert noisy.dtype == np.int64
    expected = np.eye(10)
    expected[::2] = np.roll(expected, KEYS_10.index(key) + 1, axis=1)[::2]
    np.testing.assert_array_equal(transition_matrix(CLEAN, noisy, 10), expected)


def test_cifar100n_and_the_npz_form(tmp_path):
    labels = np.arange(500) % 100
    arrays = dict(clean_label=labels, noisy_label=labels[::-1].copy())
    np.savez(tmp_path / 'human.npz', **arrays)
    for path in (write(tmp_path / 'human.pt', arrays), tmp_path / 'human.npz'):
        noisy = HumanNoise(path, 'noisy_label')(labels, 100)
        np.testing.assert_array_equal(noisy, labels[::-1])


def test_files_of_either_numpy_and_of_old_pytorch_and_of_any_integer_type_load(tmp_path):
    path = write(tmp_path / 'human.pt', cifar10n())
    expected = HumanNoise(path, 'worse_label')(CLEAN, 10)
    modern = path.read_bytes().replace(b'numpy.core.multiarray', b'numpy._core.multiarray')
    old = name_numpy_1(path.read_bytes())
    assert b'numpy.core.multiarray' in old
    legacy = write(tmp_path / 'l.pt', cifar10n(), _use_new_zipfile_serialization=False)
    narrow = {key: array.astype(np.uint8) for key, array in cifar10n().items()}
    tensors = {key: torch.from_numpy(array) for key, array in cifar10n().items()}
    contents = [modern] if b'numpy._core' in path.read_bytes() else []
    contents += [old, legacy.read_bytes()]
    contents += [write(tmp_path / 'x.pt', other).read_bytes() for other in (narrow, tensors)]
    for content in contents:
        path.write_bytes(content)
        np.testing.assert_array_equal(HumanNoise(path, 'worse_label')(CLEAN, 10), expected)


class Hostile:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize('legacy', [False, True])
def test_hostile_file_is_refused_and_runs_nothing(tmp_path, legacy):
    target = tmp_path / 'ran'
    hidden = np.array([Hostile(target)], dtype=object)
    for content in (Hostile(target), dict(cifar10n(), extra=Hostile(target)), dict(x=hidden)):
        path = tmp_path / 'human.pt'
        write(path, content, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(ValueError, match=r'human\.pt.* was not loaded.*: it (refers|is no)'):
            HumanNoise(path, 'worse_label')(CLEAN, 10)
    assert not target.exists()


def test_what_checkpoints_may_hold_is_neither_allowed_here_nor_taken_away(tmp_path):
    allow_mmengine_checkpoints()
    before = set(torch.serialization.get_safe_globals())
    path = write(tmp_path / 'human.pt', cifar10n())
    HumanNoise(path, 'worse_label')(CLEAN, 10)
    write(path, dict(cifar10n(), extra=HistoryBuffer([1.0], [1])))
    with pytest.raises(ValueError, match='was not loaded.*refers to .*HistoryBuffer'):
        HumanNoise(path, 'worse_label')(CLEAN, 10)
    after = set(torch.serialization.get_safe_globals())
    assert HistoryBuffer in after and np.ndarray in after and after == before


@pytest.mark.parametrize(
    ('arrays', 'match'),
    [
        (dict(clean_label=CLEAN), r"no `worse_label`, only \['clean_label'\]"),
        (dict(worse_label=CLEAN), 'no `clean_label`'),
        (dict(clean_label=np.roll(CLEAN, 1), worse_label=CLEAN), '100.0% .* are other classes'),
        (dict(clean_label=CLEAN[:9], worse_label=CLEAN[:9]), 'has 9 samples, the data set 600'),
        (dict(clean_label=CLEAN, worse_label=CLEAN + 1), 'one label in 0 to 9'),
        (dict(clean_label=CLEAN, worse_label=CLEAN[1:]), 'each of 600 samples'),
        (dict(clean_label=CLEAN, worse_label=torch.rand(600)), 'not a row of integers'),
        ([1, 2], 'holds a list'),
    ],
)
def test_content_that_does_not_fit_is_one_clear_error(tmp_path, arrays, match):
    path = write(tmp_path / 'human.pt', arrays)
    with pytest.raises(ValueError, match=match) as error:
        HumanNoise(path, 'worse_label')(CLEAN, 10)
    assert str(path) in str(error.value)


@pytest.mark.parametrize('name', ['human.pt', 'human.npz'])
def test_missing_and_damaged_files_are_named(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(FileNotFoundError, match=rf"'{path}'.*cifar-10-100n"):
        HumanNoise(path, 'worse_label')(CLEAN, 10)
    if name.endswith('npz'):
        np.savez(path, **cifar10n())
    else:
        write(path, cifar10n())
    for damaged in (path.read_bytes()[:500], b'', b'no such file', b'junk'):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"'{path}' was not loaded"):
            HumanNoise(path, 'worse_label')(CLEAN, 10)


def test_unknown_key_lists_the_known_ones():
    with pytest.raises(ValueError, match='aggre_label.*noisy_label, found .worst.'):
        HumanNoise('human.pt', 'worst')
