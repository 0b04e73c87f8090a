"""Whatever is wrong with a user's images, lists, labels or selections is one sentence, at once.

Each mistake is made in files that are right otherwise, and met as a config meets it. No image is
decoded before it is told, and no file is touched.
"""

import io
import json
import os
import re
import socket
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from mmpretrain.registry import DATASETS, HOOKS
from PIL import Image
from pyarrow import parquet

from deft_mm.datasets.own_images import image_check
from deft_mm.detection import read_class_map
from deft_mm.selection import write_selection
from deft_mm.user_file import read_bytes
from tests.test_selection.selection_utils import selection

NAMES = ['cat', 'dog', 'fox']
LABELS = [0, 0, 1, 1, 2, 2]
LIST = b'path,label\ncat/0.png,cat\ndog/0.png,dog\n'


def image(path: Path, size=(4, 5)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient('L').resize(size).convert('RGB').save(path)


def make_images(root: Path) -> None:
    for i, name in enumerate(NAMES):
        for j in range(3):
            image(root / name / f'{j}.png', (4 + i, 5 + j))


def own_images(root: Path, **options):
    options = dict(data_root=str(root), pipeline=[], serialize_data=False) | options
    return DATASETS.build(dict(type='ImageFolderDataset', **options))


def labelled_in_memory(root: Path) -> dict:
    samples = [dict(img_path=f'{i}.png', gt_label=label) for i, label in enumerate(LABELS)]
    (root / 'ann.json').write_text(json.dumps(dict(metainfo={}, data_list=samples)))
    return dict(
        type='mmpretrain.BaseDataset',
        ann_file=str(root / 'ann.json'),
        metainfo=dict(classes=NAMES),
        pipeline=[],
        serialize_data=False,
    )


def noisy(root: Path, **noise):
    dataset = labelled_in_memory(root)
    return lambda: DATASETS.build(dict(type='NoisyLabelDataset', dataset=dataset, noise=noise))


def snapshot(root: Path) -> dict:
    """Everything below a folder, in a way that shows any change."""
    return {
        path: (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(root.rglob('*'))
    }


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Check that something is refused in one sentence before images are decoded."""

    def check(act, match: str, name: str = '') -> None:
        def decode(*args):
            raise AssertionError('images were decoded before the mistake was told')

        monkeypatch.setattr(image_check, '_check_files', decode)
        before = snapshot(tmp_path)
        with pytest.raises((ValueError, TypeError, FileNotFoundError), match=match) as error:
            act()
        assert name in str(error.value)
        assert '\n' not in str(error.value)
        assert snapshot(tmp_path) == before

    return check


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        here = os.getcwd()
        os.chdir(path.parent)  # the name of a socket must be short
        try:
            opened.bind(path.name)
        finally:
            os.chdir(here)


def itself(path: Path) -> None:
    path.symlink_to(path.name)


def nothing(path: Path) -> None:
    pass


NO_FILES = [
    (nothing, 'no file|does not exist|No selection file'),
    (pipe, r'a named pipe \(FIFO\)'),
    (listening, 'a socket'),
    (lambda path: path.symlink_to('/dev/zero'), 'a device'),
    (itself, 'cannot be'),
]


def in_list(root: Path, path: Path):
    return lambda: own_images(root, train_path=path.name)


def in_noise(root: Path, path: Path):
    return noisy(root, type='FileNoise', path=str(path))


def in_human_noise(root: Path, path: Path):
    return noisy(root, type='HumanNoise', path=str(path), key='worse_label')


def in_selection(root: Path, path: Path):
    dataset = labelled_in_memory(root)
    return lambda: DATASETS.build(dict(type='CleanSubset', dataset=dataset, selection=str(path)))


def in_corrections(root: Path, path: Path):
    dataset = labelled_in_memory(root)
    return lambda: DATASETS.build(
        dict(type='CorrectedLabels', dataset=dataset, corrections=str(path))
    )


def in_class_map(root: Path, path: Path):
    return lambda: read_class_map(path)


READERS = {
    'list.csv': in_list,
    'list.jsonl': in_list,
    'list.parquet': in_list,
    'val.csv': lambda root, path: lambda: own_images(root, val_path=path.name),
    'names.txt': lambda root, path: lambda: own_images(root, classes=str(path)),
    'noise.csv': in_noise,
    'noise.json': in_noise,
    'noise.npy': in_noise,
    'human.pt': in_human_noise,
    'human.npz': in_human_noise,
    'selection.csv': in_selection,
    'selection.parquet': in_selection,
    'corrections.csv': in_corrections,
    'map.csv': in_class_map,
    'map.json': in_class_map,
}
KINDS = ['missing', 'pipe', 'socket', 'device', 'link']


@pytest.mark.parametrize('name', READERS)
@pytest.mark.parametrize(('make', 'match'), NO_FILES, ids=KINDS)
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path, refused, name, make, match):
    make_images(tmp_path / 'images')
    path = tmp_path / 'images' / name
    make(path)
    refused(READERS[name](tmp_path / 'images', path), match, name)


@pytest.mark.parametrize(('make', 'match'), NO_FILES, ids=KINDS)
@pytest.mark.parametrize(
    ('wrapper', 'name'),
    [
        (lambda path: dict(noise=dict(type='FileNoise', path=path)), 'noise.csv'),
        (lambda path: dict(type='CleanSubset', selection=path), 'selection.csv'),
        (lambda path: dict(type='RelabelledSubset', selection=path), 'selection.parquet'),
    ],
)
def test_what_is_no_file_is_told_before_images_are_read(
    tmp_path, refused, wrapper, name, make, match
):
    make_images(tmp_path)
    make(tmp_path / name)
    images = dict(type='ImageFolderDataset', data_root=str(tmp_path), pipeline=[])
    wrapped = dict(type='NoisyLabelDataset', dataset=images) | wrapper(str(tmp_path / name))
    refused(lambda: DATASETS.build(wrapped), match, name)


@pytest.mark.parametrize(('make', 'match'), NO_FILES[1:], ids=KINDS[1:])
def test_a_noise_file_that_is_none_is_told_before_images_are_read(tmp_path, refused, make, match):
    make_images(tmp_path)
    make(tmp_path / 'kept.npz')
    images = dict(type='ImageFolderDataset', data_root=str(tmp_path), pipeline=[])
    noise = dict(noise=dict(type='SymmetricNoise', ratio=0.4), noise_file=f'{tmp_path}/kept.npz')
    wrapped = dict(type='NoisyLabelDataset', dataset=images, **noise)
    refused(lambda: DATASETS.build(wrapped), match, 'kept.npz')


def parquet_bytes(**columns) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def npy(array, version=None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version=version)
    return file.getvalue()


def zipped(**arrays: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as opened:
        for name, content in arrays.items():
            opened.writestr(f'{name}.npy', content)
    return file.getvalue()


def bomb(shape) -> bytes:
    """An array that is said to be large, and is not there."""
    file = io.BytesIO()
    header = dict(descr='<i8', fortran_order=False, shape=shape)
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


CONTENTS = [
    # lists
    ('list.csv', b'', 'found none'),
    ('list.csv', b'path,label\n', 'a header and no row'),
    ('list.csv', b'file,class\na,b\n', "no path and no label.*'file', 'class'"),
    ('list.csv', b'cat/0.png,cat\n', "no path and no label.*'cat/0.png', 'cat'"),
    ('list.csv', LIST + b'fox/0.png\n', 'line 4 has 1 cells for 2 columns'),
    ('list.csv', LIST + b'fox/0,0.png,fox\n', 'line 4 has 3 cells.*quote'),
    ('list.csv', LIST + b'cat/0.png,cat\n', 'line 4 .*cat/0.png.* as line 2 has'),
    ('list.csv', LIST + b'"fox/0.png,fox\n', 'line 4 is no CSV'),
    ('list.csv', LIST + b'fox/\0.png,fox\n', 'line 4 has a NUL byte'),
    ('list.csv', LIST + b',fox\n', "line 4: path is ''"),
    ('list.csv', LIST + b'fox/0.png, \n', "line 4: label is ''"),
    ('list.csv', LIST + b'x' * 2**20 + b',fox\n', 'line 4 has more than 1,048,576 characters'),
    ('list.csv', LIST + b'x' * 2**18 + b',fox\n', 'line 4 is no CSV: field larger'),
    ('list.csv', b','.join([b'a'] * 1000) + b'\n', r"found 'a'.*\.\.\., 'a'"),
    ('list.csv', b'path,label\na.png,0\nb.png,-1\n', "line 3: label is '-1'.*indices"),
    ('list.csv', b'path,label\na.png,0\nb.png,nan\n', "line 3: label is 'nan'"),
    ('list.csv', b'path,label\na.png,0.5\nb.png,1.0\n', "line 2: label is '0.5'.*whole"),
    ('list.csv', b'path,label\na.png,0\nb.png,-1\n', "line 3: label is '-1'"),
    ('list.csv', b'path,label\na.png,nan\nb.png,1.0\n', "line 2: label is 'nan'.*without a label"),
    ('list.csv', b'path,label\na.png,a\nb.png,\xff\n', r"class '\\udcff', which is no text"),
    ('list.csv', 'path,label\na.png,a\n'.encode('utf-16'), 'NUL byte'),
    ('list.csv', b'PK\x03\x04\0\0', 'line 1 has a NUL byte'),
    ('list.jsonl', b'', 'no image'),
    ('list.jsonl', b'{"path": "a.png"}', 'line 1 has no label'),
    ('list.jsonl', b'\n["a.png", "a"]', 'line 2: expected an object'),
    ('list.jsonl', b'{"path": "a.png", "label": "a"', 'line 1 is no JSON'),
    ('list.jsonl', b'[' * 100_000, 'line 1 is no JSON: .*too deep'),
    ('list.jsonl', b'{"path": "a.png", "label": null}', 'line 1: label is None'),
    ('list.jsonl', b'{"path": "a.png", "label": NaN}', 'line 1: label is nan'),
    ('list.jsonl', b'{"path": "a.png", "label": -1}', "line 1: label is '-1'"),
    ('list.jsonl', b'{"path": "a\\u0000.png", "label": 1}', 'line 1: path is'),
    ('list.jsonl', b'{"path": "a\\ud800.png", "label": 1}', 'line 1: path is'),
    ('list.parquet', b'', 'no Parquet file'),
    ('list.parquet', LIST, 'no Parquet file'),
    ('list.parquet', parquet_bytes(path=['a.png']), 'no label'),
    ('list.parquet', parquet_bytes(path=['a.png'], label=[None]), 'row 0: label is None'),
    ('list.parquet', parquet_bytes(path=['a.png'], label=[0.5]), 'row 0: label is 0.5'),
    ('list.parquet', parquet_bytes(path=['a'] * 2, label=[1, 1]), 'row 1 .* as row 0 has'),
    ('val.csv', LIST + b'owl/0.png,owl\n', "training images do not have: 'owl'"),
    ('val.csv', b'path\n', 'no label'),
    # class names
    ('names.txt', b'', 'is empty'),
    ('names.txt', b'\n', 'line 1 is empty'),
    ('names.txt', b'cat\n\nfox\n', 'line 2 is empty'),
    ('names.txt', b'cat\ndog\n', 'has 2 names, but'),
    ('names.txt', b'cat\ndog\ndog\n', "has 'dog' where 'fox'"),
    ('names.txt', b'ant\nbee\nbee\n', 'a name of its own'),
    ('names.txt', b'cat\nd\0g\nfox\n', 'line 2 has a NUL byte'),
    ('names.txt', b'cat\n\xff\nfox\n', 'no text in UTF-8'),
    # labels from a file
    ('noise.csv', b'', 'needs the columns .* found none'),
    ('noise.csv', b'sample_idx,label\n', 'a header and no row'),
    ('noise.csv', b'sample_idx,label\n0,0\n0,0\n', 'lines 2 and 3 are both for sample_idx'),
    ('noise.csv', b'sample_idx,label\n0,0\n00,1\n', 'sample_idx 0 has more than one row'),
    ('noise.csv', b'sample_idx,label\n0\n', 'line 2 has 1 cells'),
    ('noise.csv', b'sample_idx,label\n0,0\n-1,0\n', "sample_idx '-1' is not in 0 to 5"),
    ('noise.csv', b'sample_idx,label\nnan,0\n', "sample_idx 'nan' is not in 0 to 5"),
    ('noise.csv', b'sample_idx,label\n99999999999999999999,0\n', 'is not in 0 to 5'),
    ('noise.csv', b'sample_idx,label\n0,\0\n', 'line 2 has a NUL byte'),
    ('noise.csv', b'sample_idx,label\n0,0\n1,0\n', '4 samples have no row, the first is 2'),
    ('noise.json', b'', 'cannot use'),
    ('noise.json', b'[0, 1, 2]', '3 labels for 6 samples'),
    ('noise.json', b'[0, 1, 2, 0, 1, -1]', 'sample 5 has the label -1'),
    ('noise.json', b'[0, 1, 2, 0, 1, 3]', 'sample 5 has the label 3'),
    ('noise.json', b'[0, 1, 2, 0, 1, NaN]', 'float64'),
    ('noise.json', b'[0, 1, 2, 0, 1, 1e99]', 'float64'),
    ('noise.json', b'[' * 50_000, 'too deep'),
    ('noise.json', b'[0]' + b' ' * 100_000, r'has 100,003 bytes, and may have 71,680'),
    ('noise.json', b'\xff\xfe', 'cannot use'),
    ('noise.npy', b'', 'cannot use'),
    ('noise.npy', npy([0, 1, 2, 0, 1, 9]), 'sample 5 has the label 9'),
    ('noise.npy', npy([[0, 1, 2, 0, 1, 2]] * 6), 'one dimension'),
    ('noise.npy', npy([0.0] * 6), 'float64'),
    ('noise.npy', npy([0] * 6, version=(2, 0)), 'header is of version'),
    ('noise.npy', npy([0] * 6)[:-1], 'cannot use'),
    ('noise.npy', bomb((10**12,)), '8,000,000,000,000 bytes'),
    ('noise.npy', zipped(label=npy(np.zeros(2**20))), '8,388,608 bytes .*too many for 6 samples'),
    ('noise.npy', zipped(label=bomb((10**12,))), '8,000,000,000,000 bytes'),
    ('noise.npy', zipped(label=b'PK'), 'cannot use'),
    ('human.npz', zipped(clean_label=npy(LABELS)), 'no `worse_label`'),
    ('human.npz', zipped(clean_label=bomb((2**40,)), worse_label=b''), 'bytes'),
    ('human.npz', b'', 'was not loaded'),
    ('human.pt', b'', 'was not loaded'),
    ('human.pt', zipped(x=bytes(2**20)), '1,048,576 bytes, too many for .* 6 samples'),
    ('human.pt', bytes(2**20), '1,048,576 bytes'),
    # maps of classes
    ('map.csv', b'', 'found none'),
    ('map.csv', b'data_class,detector_class\n', 'a header and no row'),
    ('map.csv', b'data_class,detector_class\ncat\n', 'line 2 has 1 cells'),
    ('map.csv', b'data_class,detector_class\n\0,a\n', 'line 2 has a NUL byte'),
    ('map.csv', b'data_class,detector_class\ncat,a\ncat,a\n', "'cat' twice"),
    ('map.json', b'[' * 100_000, 'too deep'),
    ('map.json', b'\xff', 'cannot be read'),
]


@pytest.mark.parametrize(('name', 'content', 'match'), CONTENTS)
def test_content_that_is_wrong_is_told(tmp_path, refused, name, content, match):
    make_images(tmp_path / 'images')
    path = tmp_path / 'images' / name
    path.write_bytes(content)
    refused(READERS[name](tmp_path / 'images', path), match, name)


EDITS = [
    (b'\n0,"a/0.png"', b'\n-3,"a/0.png"', r'unknown sample_idx \(first: \[-3\]\)'),
    (b'\n0,"a/0.png"', b'\nnan,"a/0.png"', "line 13: sample_idx is 'nan'"),
    (b'\n0,"a/0.png"', b'\n1e30,"a/0.png"', "line 13: sample_idx is '1e30'"),
    (b'\n0,"a/0.png"', b'\n99999999999999999999,"a/0.png"', 'line 13: sample_idx is'),
    (b'"cat",0.9', b'"cat",much', "line 13: clean_prob is 'much'"),
    (b'"cat",0.9', b'"cat",-0.1', 'clean_prob of sample 0 is -0.1'),
    (b'0.33333334,1', b'0.33333334', 'line 13 has 7 cells for 8 columns'),
    (b'0.33333334,1', b'0.33333334,1,1', 'line 13 has 9 cells for 8 columns'),
    (b'"a/0.png"', b'"a/\0.png"', 'line 13 has a NUL byte'),
    (b'"a/0.png"', b'"a/0.png', 'is not a usable selection file'),
    (b',kept\n', b',kept,kept\n', r"\['kept'\] is there more than once"),
    (b',kept\n', b',keep\n', r"\['kept'\] is missing"),
    (b'"num_samples": 5', b'"num_samples": 1000000000000', '1000000000000 samples; .* no row'),
    (b'"num_samples": 5', b'"num_samples": -5', '-5 samples'),
    (b'# classes: [', b'# classes: ' + b'[' * 100_000, 'line 11, .*is not "# key: JSON"'),
    (b'# classes: [', b'# classes: 3 #[', 'line 11, .*is not "# key: JSON"'),
    (b'# num_kept', b'# num\0kept', 'line 8 has a NUL byte'),
]


@pytest.mark.parametrize(('old', 'new', 'match'), EDITS)
def test_a_selection_file_that_was_spoilt_is_told(tmp_path, refused, old, new, match):
    path = tmp_path / 'selection.csv'
    write_selection(path, selection())
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    refused(in_selection(tmp_path, path), match, 'selection.csv')


def test_a_parquet_of_more_rows_than_bytes_is_told(tmp_path, refused):
    path = tmp_path / 'selection.parquet'
    columns = {name: np.zeros(10**6) for name in ('sample_idx', 'img_path')}
    path.write_bytes(parquet_bytes(**columns))
    refused(in_selection(tmp_path, path), '1,000,000 rows, and has', 'selection.parquet')


FOLDERS = [
    (dict(data_root='nowhere'), nothing, "'nowhere' does not exist"),
    (dict(train_path='nowhere'), nothing, "nowhere' does not exist"),
    (dict(val_path='nowhere'), nothing, "nowhere' does not exist"),
    (dict(val_path='nowhere', split='val'), nothing, "nowhere' does not exist"),
    (dict(val_path='cat/0.png/x'), nothing, "cat/0.png/x' does not exist"),
    (dict(val_path='x\0y'), nothing, r'x\\x00y.* cannot be read'),
    (dict(val_path='x'), itself, 'cannot be read: Too many levels'),
    (dict(train_path='x'), pipe, 'must end in .csv'),
    (dict(val_path='x'), lambda path: path.mkdir(), 'no image in'),
    (dict(classes=['a', 'b', 3]), nothing, '`classes` has 3, a int'),
    (dict(classes=['a', 'b', ' ']), nothing, "class ' ', which is no text"),
    (dict(classes=['a', 'b', '\0']), nothing, r"class '\\x00', which is no text"),
    (dict(classes=['a', 'b', '\ud800']), nothing, r"class '\\ud800', which is no text"),
    ({}, lambda path: image(path.parent / '\udcff/0.png'), r"class '\\udcff', which is no text"),
]


@pytest.mark.parametrize(('options', 'make', 'match'), FOLDERS)
def test_a_folder_or_name_that_is_wrong_is_told(tmp_path, refused, options, make, match):
    make_images(tmp_path)
    make(tmp_path / 'x')
    refused(lambda: own_images(tmp_path, **options), match)


def test_a_folder_that_may_not_be_listed_is_told(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, 'Permission denied')

    make_images(tmp_path)
    monkeypatch.setattr(os, 'scandir', refuse)
    with pytest.raises(ValueError, match=f"'{tmp_path}' cannot be read: Permission denied"):
        own_images(tmp_path)


@pytest.mark.parametrize(
    'name',
    [
        '',
        '.',
        '..',
        '../x.csv',
        'a/x.csv',
        '/tmp/x.csv',
        'x\0',
        3,
        None,
        'x.txt',
        'epoch_2.pth',
        'x',
    ],
)
@pytest.mark.parametrize(
    'hook',
    [
        dict(type='DataReportHook'),
        dict(type='SummaryHook'),
        dict(type='NoiseFilterHook', detector_epochs=1),
    ],
    ids=lambda hook: hook['type'],
)
def test_no_file_is_written_outside_of_the_work_directory_or_in_place_of_another_kind(
    refused, hook, name
):
    refused(lambda: HOOKS.build({**hook, 'out_file': name}), 'out_file is .* give the name of a')


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, 'big')
    return len(content).to_bytes(4, 'big') + kind + content + checksum


def large(path: Path) -> None:
    """The header of an image of 13,000 x 13,000, which would take a minute to decode."""
    header = chunk(b'IHDR', (13_000).to_bytes(4, 'big') * 2 + b'\x08\x02\0\0\0')
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + header + chunk(b'IDAT', b''))


def cut(path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:-500])


POST_SCRIPT = '%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n'
BAD_IMAGES = [
    ('cat/x.png', lambda path: path.touch(), 'it is empty'),
    ('cat/x.jpg', cut, 'truncated'),
    ('cat/x.png', large, '13,000 x 13,000 pixels, and may have 89,478,485'),
    ('cat/x.jpg', lambda path: path.write_text('no image'), 'cannot identify'),
    ('cat/x.jpg', lambda path: path.write_text(POST_SCRIPT), 'PostScript'),
    ('cat/x.png', pipe, r'a named pipe \(FIFO\)'),
    ('cat/x.png', listening, 'a socket'),
    ('cat/x.png', lambda path: path.symlink_to('/dev/zero'), 'a device'),
    ('cat/x.png', lambda path: path.symlink_to('gone'), 'no such file'),
    ('cat/x.png', itself, 'no such file'),
    ('cat/x', lambda path: path.symlink_to('..'), 'folder that was listed before'),
    ('cat/x', lambda path: path.symlink_to('.'), 'folder that was listed before'),
    ('cat/x', lambda path: path.symlink_to('/'), 'folder that was listed before'),
    ('x', lambda path: path.symlink_to('.'), 'folder that was listed before'),
    ('x', lambda path: path.symlink_to('..'), 'folder that was listed before'),
    ('x.png', pipe, 'in no class folder'),
]


@pytest.mark.parametrize(('name', 'make', 'match'), BAD_IMAGES)
def test_an_image_that_is_none_is_left_out_and_told(tmp_path, name, make, match):
    make_images(tmp_path)
    make(tmp_path / name)
    dataset = own_images(tmp_path, val_ratio=0.4)
    paths = [info['img_path'] for info in dataset.load_data_list()]
    assert len(paths) == 6 and str(tmp_path / name) not in paths
    (line,) = [line for line in dataset.report.to_lines() if f'{tmp_path / name} ' in f'{line} ']
    assert re.search(match, line)
    assert [problem.used for problem in dataset.report.problems if problem.path] == [False]


@pytest.mark.parametrize('make', [pipe, listening, lambda path: path.symlink_to('/dev/zero')])
def test_without_decoding_what_is_no_file_is_left_out_all_the_same(tmp_path, make):
    make_images(tmp_path)
    make(tmp_path / 'cat/x.png')
    dataset = own_images(tmp_path, val_ratio=0.4, check_images=False)
    assert len(dataset.load_data_list()) == 6
    assert 'unreadable image' in [problem.kind for problem in dataset.report.problems]


def test_an_image_that_vanishes_after_it_was_listed_is_told(tmp_path, monkeypatch):
    def read(path, most):
        if path.endswith('cat/1.png'):
            os.unlink(path)
        return read_bytes(path, most)

    make_images(tmp_path)
    monkeypatch.setattr(image_check, 'read_bytes', read)
    lines = own_images(tmp_path, val_ratio=0.4).report.to_lines()
    assert [line for line in lines if 'cat/1.png' in line and 'no file' in line]


def test_a_class_folder_that_may_not_be_listed_is_told(tmp_path, monkeypatch):
    def scan(folder, scandir=os.scandir):
        if str(folder).endswith('dog'):
            raise PermissionError(13, 'Permission denied')
        return scandir(folder)

    make_images(tmp_path)
    monkeypatch.setattr(os, 'scandir', scan)
    found = rf'What was found: unreadable folder: {tmp_path}/dog \(Permission denied\)'
    with pytest.raises(ValueError, match=rf"No image of 'dog' .*{found}"):
        own_images(tmp_path)


def spoil(root: Path) -> None:
    for path in (root / 'dog').iterdir():
        path.write_bytes(b'')


@pytest.mark.parametrize(
    ('make', 'options', 'match'),
    [
        (
            lambda root: (root / 'ox').mkdir(),
            {},
            r"No image of 'ox' .*small class: class 'ox' \(0 im",
        ),
        (spoil, {}, r"No image of 'dog' .*unreadable image: .*it is empty"),
        (lambda root: None, dict(val_ratio=0.01), r'is left for validation .*a larger val_ratio'),
    ],
)
def test_a_class_without_images_is_told_with_what_was_found(tmp_path, make, options, match):
    make_images(tmp_path)
    make(tmp_path)
    with pytest.raises(ValueError, match=match) as error:
        own_images(tmp_path, **options)
    assert '\n' not in str(error.value)


def test_classes_that_clip_reads_alike_are_noted(tmp_path):
    make_images(tmp_path)
    image(tmp_path / 'Cat/0.png', (9, 9))
    notes = own_images(tmp_path, val_ratio=0.4).report.notes
    assert [note for note in notes if note.startswith("CLIP reads 'Cat', 'cat' as the same words")]
