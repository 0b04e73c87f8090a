"""Properties of files of labels, for any labels and any bytes."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deft_mm.datasets import FileNoise, HumanNoise, SymmetricNoise
from deft_mm.datasets.noise.noise_file import NoiseFile
from deft_mm.selection import Fingerprint
from property_utils import SETTINGS, damaged, refuses_or_reads

CLASSES = 4
LABELS = st.integers(1, 6).flatmap(
    lambda number: arrays(np.int64, number, elements=st.integers(0, CLASSES - 1))
)
WHOLE = np.array([3, 0, 1, 1, 2])
KINDS = ['noise.csv', 'noise.json', 'noise.npy', 'noise.npz']


def write(path, labels) -> None:
    if path.suffix == '.csv':
        with path.open('w', newline='') as file:
            csv.writer(file).writerows([('sample_idx', 'label'), *enumerate(labels.tolist())])
    elif path.suffix == '.json':
        path.write_text(json.dumps(labels.tolist()))
    elif path.suffix == '.npy':
        np.save(path, labels)
    else:
        np.savez_compressed(path, labels=labels)


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(labels=LABELS)
def test_any_labels_read_back_equal(name, tmp_path, labels):
    write(tmp_path / name, labels)
    read = FileNoise(tmp_path / name)(np.zeros_like(labels), CLASSES)
    np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(data=st.data())
def test_a_damaged_file_is_refused_in_a_sentence(name, tmp_path, data):
    write(tmp_path / f'whole_{name}', WHOLE)
    whole = (tmp_path / f'whole_{name}').read_bytes()
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(whole) | st.binary(max_size=200)))
    refuses_or_reads(lambda path: FileNoise(path)(np.zeros_like(WHOLE), CLASSES), path)


def noise_file(path, labels) -> NoiseFile:
    fingerprint = Fingerprint.from_parts(list('abcd'), labels, map(str, range(len(labels))))
    return NoiseFile(path, SymmetricNoise(ratio=0.4), fingerprint)


@SETTINGS
@given(labels=LABELS)
def test_any_drawn_labels_are_kept(tmp_path, labels):
    path = tmp_path / 'kept.npz'
    path.unlink(missing_ok=True)
    file = noise_file(path, labels)
    np.testing.assert_array_equal(file.labels(lambda: labels), labels)
    np.testing.assert_array_equal(file.labels(None), labels)


@SETTINGS
@given(data=st.data())
def test_a_damaged_noise_file_is_refused_in_a_sentence(tmp_path, data):
    path = tmp_path / 'kept.npz'
    path.unlink(missing_ok=True)
    noise_file(path, WHOLE).labels(lambda: WHOLE)
    path.write_bytes(data.draw(damaged(path.read_bytes()) | st.binary(max_size=200)))
    refuses_or_reads(lambda path: noise_file(path, WHOLE).labels(None), path)


@pytest.mark.parametrize('name', ['human.pt', 'human.npz'])
@SETTINGS
@given(data=st.data())
def test_damaged_labels_of_people_are_refused_in_a_sentence(name, tmp_path, data):
    arrays, file = dict(clean_label=WHOLE, worse_label=WHOLE), io.BytesIO()
    if name == 'human.pt':
        torch.save(arrays, file)
    else:
        np.savez(file, **arrays)
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(file.getvalue()) | st.binary(max_size=200)))
    refuses_or_reads(lambda path: HumanNoise(path, 'worse_label')(WHOLE, CLASSES), path)
