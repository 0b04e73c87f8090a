import json
import multiprocessing

import numpy as np
import pytest

from deft_mm.datasets import (
    AsymmetricNoise,
    DigitsDataset,
    FileNoise,
    LabelNoise,
    NoisyLabelDataset,
    SymmetricNoise,
)

NOISE = dict(type='SymmetricNoise', ratio=0.5, seed=1)


class Drawn(LabelNoise):
    """Counts its draws, of which each is another."""

    def __init__(self, strength=1):
        self.strength = strength
        self._draws = 0

    def __call__(self, labels, num_classes, dataset=None):
        self._draws += 1
        return np.random.RandomState(None).randint(0, num_classes, len(labels))


class DrawnTogether(LabelNoise):
    """Waits until another process has drawn, too; each draws other labels."""

    def __init__(self, barrier, label):
        self._barrier, self._label = barrier, label

    def __call__(self, labels, num_classes, dataset=None):
        self._barrier.wait(timeout=60)
        return np.full(len(labels), self._label)


def digits(**options):
    return DigitsDataset(indices=options.pop('indices', 60), serialize_data=False, **options)


def labels_of(path, noise=NOISE, dataset=None) -> list[int]:
    dataset = NoisyLabelDataset(dataset or digits(), noise, noise_file=path)
    return dataset.given_labels.tolist()


def test_noise_is_drawn_once_and_read_afterwards(tmp_path):
    path, noise = tmp_path / 'new' / 'noise.npz', Drawn()
    first = labels_of(path, noise)
    content = path.read_bytes()
    assert labels_of(path, noise) == labels_of(path, Drawn()) == first
    assert noise._draws == 1
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == ['noise.npz']
    # The true labels are as without a file.
    dataset = NoisyLabelDataset(digits(), noise, noise_file=path)
    assert dataset.clean_labels.tolist() == digits().get_gt_labels().tolist()


def test_file_has_the_labels_and_all_that_they_depend_on(tmp_path):
    labels = labels_of(tmp_path / 'noise.npz')
    assert labels == NoisyLabelDataset(digits(), NOISE).given_labels.tolist()
    with np.load(tmp_path / 'noise.npz', allow_pickle=False) as file:
        header = json.loads(str(file['header']))
        assert file['labels'].tolist() == labels
    assert header['noise'] == 'SymmetricNoise'
    assert header['parameters'] == dict(ratio=0.5, seed=1, exclude_true=False)
    assert header['fingerprint']['num_samples'] == 60
    # Other programs and FileNoise read it, too.
    assert labels_of(tmp_path / 'two.npz', FileNoise(tmp_path / 'noise.npz', 'labels')) == labels


@pytest.mark.parametrize(
    ('noise', 'dataset', 'match'),
    [
        (SymmetricNoise(0.4, seed=1), {}, r'ratio=0.5, seed=1.*asks for .*ratio=0.4, seed=1'),
        (SymmetricNoise(0.5, seed=2), {}, 'seed=2'),
        (AsymmetricNoise(0.5, seed=1), {}, 'asks for AsymmetricNoise'),
        (None, dict(indices=59), 'another num_samples.*of 60 samples; this one has 59'),
        (None, dict(indices=list(range(60))[::-1]), 'another given_labels, images'),
        (None, dict(metainfo=dict(classes=list('abcdefghij'))), 'another class_names'),
    ],
)
def test_file_of_other_noise_or_another_data_set_is_refused(tmp_path, noise, dataset, match):
    path = tmp_path / 'noise.npz'
    labels_of(path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=match) as error:
        labels_of(path, noise or NOISE, digits(**dataset))
    assert str(path) in str(error.value) and 'Delete it' in str(error.value)
    assert path.read_bytes() == content


def test_models_that_read_files_are_known_by_the_content_of_theirs(tmp_path):
    for name in ('one', 'two'):
        (tmp_path / f'{name}.json').write_text(json.dumps([0] * 60))
    path = tmp_path / 'noise.npz'
    assert labels_of(path, FileNoise(tmp_path / 'one.json')) == [0] * 60
    assert labels_of(path, FileNoise(tmp_path / 'two.json')) == [0] * 60
    (tmp_path / 'one.json').write_text(json.dumps([1] * 60))
    with pytest.raises(ValueError, match='FileNoise.*checksum'):
        labels_of(path, FileNoise(tmp_path / 'one.json'))


def test_map_by_index_is_recognised_in_its_file(tmp_path):
    noise = AsymmetricNoise(0.5, mapping={7: 1, 3: 8})
    assert labels_of(tmp_path / 'noise.npz', noise) == labels_of(tmp_path / 'noise.npz', noise)


def edited(path, **changes) -> bytes:
    with np.load(path) as file:
        arrays = dict(file, **changes)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path.read_bytes()


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def test_damaged_or_edited_file_is_refused(tmp_path):
    path = tmp_path / 'noise.npz'
    labels = labels_of(path)
    content = path.read_bytes()
    damaged = [content[:-40], content[:100], b'', b'something else', flipped(content, 80)]
    for changes in (
        dict(labels=np.array(labels[::-1], dtype=np.int32)),
        dict(labels=np.array(labels)),
        dict(labels=None),
        dict(header=np.array('{"format": "another"}')),
        dict(header=np.array([1])),
    ):
        path.write_bytes(content)
        damaged.append(edited(path, **changes))
    for bad in damaged:
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=rf"'{path}' is not a whole .*Delete it"):
            labels_of(path)
    path.write_bytes(content)
    assert labels_of(path) == labels


def test_file_with_pickled_objects_is_refused(tmp_path):
    path = tmp_path / 'noise.npz'
    labels_of(path)
    edited(path, labels=np.array([None] * 60))
    with pytest.raises(ValueError, match='allow_pickle'):
        labels_of(path)


def start_together(path, label, barrier, queue) -> None:
    queue.put((label, labels_of(path, DrawnTogether(barrier, label))))


def test_processes_that_start_at_once_agree_on_one_file(tmp_path):
    context = multiprocessing.get_context('fork')
    barrier, queue = context.Barrier(2), context.Queue()
    path = tmp_path / 'noise.npz'
    processes = [
        context.Process(target=start_together, args=(path, label, barrier, queue))
        for label in (3, 7)
    ]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert found[3] == found[7]
    assert found[3] in ([3] * 60, [7] * 60)
    assert [file.name for file in tmp_path.iterdir()] == ['noise.npz']


def test_file_system_without_links_gets_a_whole_file_all_the_same(tmp_path, monkeypatch):
    def no_links(*args):
        raise PermissionError('no links here')

    monkeypatch.setattr('os.link', no_links)
    labels = labels_of(tmp_path / 'noise.npz')
    assert labels_of(tmp_path / 'noise.npz') == labels
    assert [file.name for file in tmp_path.iterdir()] == ['noise.npz']


def test_failed_draw_leaves_no_file(tmp_path):
    class TooShort(LabelNoise):
        def __call__(self, labels, num_classes, dataset=None):
            return labels[:5]

    with pytest.raises(ValueError, match='TooShort returned labels of shape'):
        labels_of(tmp_path / 'noise.npz', TooShort())
    assert not list(tmp_path.iterdir())


def test_arguments_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match='path of a .npz file, found .*noise.json'):
        labels_of(tmp_path / 'noise.json')
    with pytest.raises(ValueError, match='give `noise` as well'):
        NoisyLabelDataset(digits(), noise_file=tmp_path / 'noise.npz')
    with pytest.raises(TypeError, match='subclass of LabelNoise; found function'):
        labels_of(tmp_path / 'noise.npz', lambda labels, n, dataset: labels)
