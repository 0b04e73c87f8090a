"""Selections in the formats of other tools, from the command line, read as those tools do."""

import ast
import csv
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from exchange_utils import (
    CLASSES,
    CONFIRMED,
    EXCLUDED_SAMPLE,
    LABELS,
    RELABELLED,
    UNSURE,
    selected,
)

from deft_mm.datasets import ImageFolderDataset, given_labels_of
from deft_mm.selection import read_selection
from tool_utils import tool

PLAIN = ['cat', 'dog', 'guinea pig', 'élan']
ALL = [i for i in range(12) if i != EXCLUDED_SAMPLE]
KEPT = [0, 1, 2, 3, 6, 8, 10]
WORDS = ['test', 'train', 'val', 'x']
RIGHT = [2 if i == RELABELLED else int(label) for i, label in enumerate(LABELS)]


@pytest.fixture
def selection(tmp_path):
    return selected(tmp_path)


@pytest.fixture
def export(selection, tmp_path, monkeypatch):
    """Export the selection; return the folder."""

    def run(to, *options, of=selection, out='out'):
        tool(monkeypatch, 'export_selection.py', of, '--to', to, '--out', tmp_path / out, *options)
        return tmp_path / out

    return run


def tasks_of(folder: Path) -> list[dict]:
    return json.loads((folder / 'tasks.json').read_text())


def test_tasks_of_label_studio_have_what_is_known_and_what_is_proposed(export, selection):
    tasks = tasks_of(export('labelstudio'))
    table = read_selection(selection)
    assert [task['data']['sample_idx'] for task in tasks] == ALL
    assert {task['data']['fingerprint'] for task in tasks} == {table.fingerprint.to_text()}
    by_sample = {task['data']['sample_idx']: task for task in tasks}
    for i, task in by_sample.items():
        data = task['data']
        assert data['image'] == data['img_path'] == table.img_path[i]
        assert data['given_label'] == CLASSES[LABELS[i]] and data['label'] == CLASSES[RIGHT[i]]
        assert data['clean_prob'] == pytest.approx(i / 11) and data['kept'] == (i in KEPT)
    proposed = {
        i: (
            task['predictions'][0]['result'][0]['value']['choices'],
            task['predictions'][0]['score'],
            task['predictions'][0]['model_version'],
        )
        for i, task in by_sample.items()
    }
    method = 'AuditSelector'
    assert proposed[RELABELLED] == ([CLASSES[2]], 1.0, method)
    assert proposed[CONFIRMED] == ([CLASSES[LABELS[CONFIRMED]]], 1.0, method)
    assert proposed[2] == ([CLASSES[2]], pytest.approx(2 / 11), method)
    assert proposed[UNSURE] == ([CLASSES[0]], pytest.approx(4 / 11), method)


def test_a_rejected_image_without_another_class_gets_no_proposal(export, tmp_path):
    file = selected(tmp_path / 'other', pred_label=LABELS, pred_prob=np.full(12, np.nan))
    tasks = tasks_of(export('labelstudio', '--keep', 'rejected', of=file))
    assert [task['data']['sample_idx'] for task in tasks] == [5, 7, 9, 11]
    assert not any('predictions' in task for task in tasks)
    assert {task['data']['pred_prob'] for task in tasks} == {None}


def test_the_interface_of_label_studio_offers_each_class_and_to_exclude(export):
    view = ET.parse(export('labelstudio') / 'label_config.xml').getroot()
    choices = view.find('Choices')
    offered = [choice.get('alias') or choice.get('value') for choice in choices]
    # One class is called 'exclude'.
    assert offered == [*CLASSES, 'exclude*']
    assert view.find('Image').attrib == dict(name='image', value='$image')
    assert choices.get('name') == 'class' and choices.get('toName') == 'image'
    # No class is taken for a field of the task.
    assert not any('$' in choice.get('value') for choice in choices)


def test_images_of_label_studio_have_addresses(export, selection, tmp_path, capfd):
    prefix = '/data/local-files/?d=my/images/'
    tasks = tasks_of(export('labelstudio', '--image-prefix', prefix))
    root = tmp_path / 'images'
    assert f'{root}: {prefix}' in capfd.readouterr().out
    for task in tasks:
        image = task['data']['image']
        assert image.startswith(prefix) and not set(image.removeprefix(prefix)) & set(' "#?\n')
        path = root / unquote(image.removeprefix(prefix))
        assert path.is_file() and str(path) == task['data']['img_path']


def test_label_studios_own_library_takes_tasks_and_interface(export):
    interface = pytest.importorskip(
        'label_studio_sdk.label_interface', reason='Label Studio is optional'
    ).LabelInterface
    folder = export('labelstudio')
    config = interface((folder / 'label_config.xml').read_text())
    config.validate()
    assert config.get_control('class').labels == [*CLASSES, 'exclude*']
    for task in tasks_of(folder):
        assert config.validate_task(dict(data=task['data']))
        assert config.validate_prediction(task['predictions'][0], return_errors=True) == []


def test_cvat_gets_an_archive_with_a_folder_for_each_label(export, selection):
    folder = export('cvat')
    labels = [label['name'] for label in json.loads((folder / 'labels.json').read_text())]
    assert labels == ['cat', 'a%2Fb %22c%22 $x', "it's%0A%3C&%3E", 'exclude']
    table = read_selection(selection)
    with zipfile.ZipFile(folder / 'imagenet.zip') as archive:
        names = archive.namelist()
        found = {int(name.split('/')[1][:8]): name for name in names}
        assert sorted(found) == ALL and len(names) == len(ALL)
        for i, name in found.items():
            label, file = name.split('/')
            assert label == labels[RIGHT[i]] and Path(file).suffix == '.png'
            assert archive.read(name) == Path(table.img_path[i]).read_bytes()
    stems = [Path(name).stem for name in names]
    assert len(set(stems)) == len(stems)  # of all labels together


@pytest.mark.parametrize('own', ['no_label', '..', '.hidden', 'a.', 'b ', '%2F'])
def test_labels_of_cvat_are_folders_and_differ(export, tmp_path, own):
    file = selected(tmp_path / 'other', ['/', own, '%', 'cat'])
    folder = export('cvat', of=file)
    labels = [label['name'] for label in json.loads((folder / 'labels.json').read_text())]
    assert len(set(labels)) == 4 and labels[1] != own and not any('/' in one for one in labels)
    with zipfile.ZipFile(folder / 'imagenet.zip') as archive:
        archive.extractall(tmp_path / 'extracted')
    assert {path.name for path in (tmp_path / 'extracted').iterdir()} == set(labels)


def test_the_library_that_cvat_imports_with_finds_images_and_labels(export, tmp_path):
    datumaro = pytest.importorskip('datumaro', reason='datumaro is optional')
    folder = export('cvat')
    labels = [label['name'] for label in json.loads((folder / 'labels.json').read_text())]
    with zipfile.ZipFile(folder / 'imagenet.zip') as archive:
        archive.extractall(tmp_path / 'extracted')
    dataset = datumaro.Dataset.import_from(str(tmp_path / 'extracted'), 'imagenet')
    names = dataset.categories()[datumaro.AnnotationType.label]
    found = {}
    for item in dataset:
        (annotation,) = item.annotations
        found[int(item.id.split(':')[-1].split('/')[-1][:8])] = names[annotation.label].name
    assert found == {i: labels[RIGHT[i]] for i in ALL}


def columns_of(path: Path) -> list[dict]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize('options', [[], ['--copy']])
def test_hugging_face_gets_images_and_a_table(export, tmp_path, options):
    file = selected(tmp_path / 'other', PLAIN)
    folder = export('hf', *options, of=file)
    table, rows = read_selection(file), columns_of(folder / 'train/metadata.csv')
    assert [int(row['sample_idx']) for row in rows] == ALL
    for row, i in zip(rows, ALL, strict=True):
        image = folder / 'train' / row['file_name']
        assert image.is_symlink() == (not options) and not Path(row['file_name']).is_absolute()
        assert image.read_bytes() == Path(table.img_path[i]).read_bytes()
        assert row['label'] == PLAIN[RIGHT[i]] and row['given_label'] == PLAIN[LABELS[i]]
        assert row['kept'] == str(i in KEPT)
        assert row['decided'] == str(i in (RELABELLED, CONFIRMED))
        assert float(row['clean_prob']) == pytest.approx(i / 11)
    assert len({row['file_name'] for row in rows}) == len(rows)


@pytest.mark.parametrize('kind', ['csv', 'parquet'])
def test_datasets_loads_the_folder(export, tmp_path, monkeypatch, kind):
    datasets = pytest.importorskip('datasets', reason='datasets of Hugging Face is optional')
    names = PLAIN if kind == 'csv' else ['NA', '=1+1', '007', CLASSES[2]]
    # Names that make a split of an image, where no folder does.
    files = [
        f'{label}/{name}_{i}.png'
        for i, (label, name) in enumerate(zip(LABELS, WORDS * 3, strict=True))
    ]
    file = selected(tmp_path / 'other', names, files)
    folder = export('hf', '--metadata', kind, of=file)
    loaded = datasets.load_dataset(
        'imagefolder', data_dir=str(folder), split='train', cache_dir=str(tmp_path / 'cache')
    )
    assert loaded['sample_idx'][:] == ALL
    for row, i in zip(loaded, ALL, strict=True):
        assert np.array(row['image']).max() == 10 * i
        assert row['label'] == names[RIGHT[i]] and row['given_label'] == names[LABELS[i]]
        assert row['kept'] is (i in KEPT) and row['clean_prob'] == pytest.approx(i / 11)


def test_parquet_has_any_name(export, selection):
    parquet = pytest.importorskip('pyarrow.parquet', reason='pyarrow is optional')
    rows = parquet.read_table(export('hf', '--metadata', 'parquet') / 'train/metadata.parquet')
    assert [row['label'] for row in rows.to_pylist()] == [CLASSES[RIGHT[i]] for i in ALL]


def test_a_prediction_that_some_lack_is_no_column_of_csv(export, tmp_path):
    labels = np.where(np.arange(12) == 5, -1, 0)
    file = selected(tmp_path / 'other', PLAIN, pred_label=labels)
    assert 'pred_label' not in columns_of(export('hf', of=file) / 'train/metadata.csv')[0]


def test_the_script_for_fiftyone_is_the_same_whatever_names_are(export, tmp_path):
    folder = export('fiftyone')
    hostile = ['cat', '"""\nimport os\nos.mkdir("made")\n"""', "'''+1", '\\']
    other = export('fiftyone', of=selected(tmp_path / 'other', hostile), out='second')
    script = (folder / 'load_fiftyone.py').read_bytes()
    assert script == (other / 'load_fiftyone.py').read_bytes()
    ast.parse(script)
    content = json.loads((other / 'samples.json').read_text())
    assert content['classes'] == hostile
    assert [row['label'] for row in content['samples']] == [hostile[RIGHT[i]] for i in ALL]
    assert all(Path(row['filepath']).is_file() for row in content['samples'])


# What the script needs of FiftyOne, for machines that have not got it.
STAND_IN = """
class Classification:
    def __init__(self, label=None, confidence=None):
        self.label, self.confidence = label, confidence

class Sample(dict):
    def __init__(self, **fields):
        super().__init__(fields)

class Dataset(list):
    def __init__(self, name, persistent=False, overwrite=False):
        self.name = name

    def add_samples(self, samples):
        self.extend(samples)

    def save(self):
        for sample in self:
            print(sample['sample_idx'], *sample['tags'], repr(sample['label'].label))
"""


def test_the_script_for_fiftyone_builds_a_data_set(export, tmp_path):
    folder = export('fiftyone')
    (tmp_path / 'fiftyone.py').write_text(STAND_IN)
    done = subprocess.run(
        [sys.executable, folder / 'load_fiftyone.py', '--name', 'mine'],
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, last = done.stdout.splitlines()
    expected = [f'{i} {"kept" if i in KEPT else "rejected"} {CLASSES[RIGHT[i]]!r}' for i in ALL]
    assert lines == expected and last == "11 samples are in the FiftyOne data set 'mine'."


# Its data sets need a database, samples do not.
TAKE_SAMPLES = """
import json, runpy, sys
import fiftyone
script = runpy.run_path(sys.argv[1])
rows = json.loads(script['SAMPLES'].read_text())['samples']
for sample in map(script['to_sample'], rows):
    assert isinstance(sample, fiftyone.Sample)
    print(json.dumps([sample.label.label, sample.given_label.confidence, sample.tags]))
"""


@pytest.mark.skipif(find_spec('fiftyone') is None, reason='FiftyOne is optional')
def test_fiftyone_takes_the_samples(export):
    script = export('fiftyone') / 'load_fiftyone.py'
    # In a process of its own: what pytest has imported changes how it reads its own version.
    done = subprocess.run(
        [sys.executable, '-c', TAKE_SAMPLES, script], capture_output=True, text=True, check=True
    )
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    assert [label for label, *_ in samples] == [CLASSES[RIGHT[i]] for i in ALL]
    assert samples[2][1] == pytest.approx(2 / 11)
    assert [tags == ['kept'] for *_, tags in samples] == [i in KEPT for i in ALL]


@pytest.mark.parametrize(('options', 'rows'), [([], KEPT), (['--keep', 'all'], ALL)])
def test_the_list_is_read_as_data_with_right_labels(export, selection, options, rows):
    for _ in range(2):  # a list of before is replaced
        path = export('csv', *options, out='lists/kept.csv')
    dataset = ImageFolderDataset(data_root=str(path), val_path='.')
    names, table = dataset.metainfo['classes'], read_selection(selection)
    found = {
        dataset.get_data_info(i)['img_path']: names[label]
        for i, label in enumerate(given_labels_of(dataset))
    }
    assert found == {table.img_path[i]: CLASSES[RIGHT[i]].strip() for i in rows}


FOLDERS = ('labelstudio', 'cvat', 'hf', 'fiftyone')


@pytest.mark.parametrize('to', FOLDERS)
def test_nothing_that_is_there_is_replaced(export, tmp_path, to):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/notes.txt').write_text('mine')
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ValueError, match="--out '.*' is there already, and is left alone"):
        export(to)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['notes.txt']
    (tmp_path / 'out/notes.txt').unlink()
    assert any(export(to, *(['--metadata', 'parquet'] * (to == 'hf'))).iterdir())


@pytest.mark.parametrize('to', [*FOLDERS, 'csv'])
def test_samples_that_are_no_files_are_refused(export, tmp_path, to):
    file = selected(tmp_path / 'other')
    content = file.read_text()
    for i in (6, 8):
        content = content.replace(f'"{read_selection(file).img_path[i]}"', '""')
    file.write_text(content)
    with pytest.raises(ValueError, match=f'--to {to} lists files, and 2 .* have none .* sample 6'):
        export(to, of=file, out='out.csv')
    assert not (tmp_path / 'out.csv').exists()


@pytest.mark.parametrize('to', ['cvat', 'hf'])
def test_images_that_are_gone_are_refused(export, tmp_path, to):
    file = selected(tmp_path / 'other')
    path = Path(read_selection(file).img_path[9])
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"--to {to}: image '{path}' is not there"):
        export(to, of=file)
    assert not (tmp_path / 'out').exists() and not list(tmp_path.glob('.*'))


@pytest.fixture
def not_text(tmp_path):
    """A selection with a file whose name is not UTF-8."""
    names = [f'{label}/{i}.png' for i, label in enumerate(LABELS)]
    names[2] = os.fsdecode(b'0/\xff\xfe.png')
    try:
        return selected(tmp_path / 'bytes', PLAIN, names)
    except OSError:
        pytest.skip('the file system has names in UTF-8 only')


@pytest.mark.parametrize('to', ['labelstudio', 'fiftyone'])
def test_names_that_are_not_utf_8_are_refused_where_they_cannot_be_written(
    export, tmp_path, not_text, to
):
    with pytest.raises(ValueError, match=rf'--to {to} takes names in UTF-8.*sample 2, .*\\udcff'):
        export(to, of=not_text)
    assert not (tmp_path / 'out').exists()


def test_names_that_are_not_utf_8_are_replaced_where_files_are_named_anew(export, not_text):
    image = columns_of(export('hf', of=not_text, out='hf') / 'train/metadata.csv')[2]['file_name']
    assert image == 'images/00000002___.png'
    with zipfile.ZipFile(export('cvat', of=not_text, out='cvat') / 'imagenet.zip') as archive:
        assert 'guinea pig/00000002___.png' in archive.namelist()
    listed = export('csv', of=not_text, out='kept.csv')
    assert len(ImageFolderDataset(data_root=str(listed), val_path='.')) == len(KEPT)


@pytest.mark.parametrize(
    ('to', 'name', 'sentence'),
    [
        ('labelstudio', 'a\x01', r"the class 'a\\x01' has a character that XML cannot have"),
        ('cvat', 'x' * 65, 'would be a label of 65 characters, and CVAT has 64'),
        ('hf', 'NA', "the class 'NA' would be read as something else from metadata.csv"),
        ('hf', '1e3', "class '1e3' would be read as something else"),
        ('hf', '-x', "class '-x' would be read as something else"),
        ('hf', 'True', "class 'True' would be read as something else"),
        ('fiftyone', 'a\udc80', r"The class 'a\\udc80' of the selection has no name that is text"),
    ],
)
def test_class_names_that_a_format_cannot_have_are_refused(export, tmp_path, to, name, sentence):
    other = selected(tmp_path / 'other', ['cat', 'dog', 'ox', name])
    with pytest.raises(ValueError, match=sentence):
        export(to, of=other, out='out.csv')
    assert not (tmp_path / 'out.csv').exists()


def test_images_without_a_suffix_are_not_for_cvat(export, tmp_path):
    file = selected(tmp_path / 'other')
    path = Path(read_selection(file).img_path[9])
    path.rename(path.with_suffix(''))
    file.write_text(file.read_text().replace(str(path), str(path.with_suffix(''))))
    with pytest.raises(ValueError, match="image '.*/1/2' has no suffix that is one of images"):
        export('cvat', of=file)


def test_keep_that_leaves_nothing_is_refused(export, tmp_path):
    file = selected(tmp_path / 'other', kept=np.ones(12, bool))
    with pytest.raises(ValueError, match="--keep rejected: '.*' has no such sample; it keeps 11"):
        export('labelstudio', '--keep', 'rejected', of=file)


def test_a_failure_leaves_nothing(export, tmp_path, monkeypatch):
    def fails(*args):
        raise OSError(28, 'No space left on device', 'x')

    monkeypatch.setattr(shutil, 'copyfile', fails)
    file = selected(tmp_path / 'other', PLAIN)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match='No space left'):
        export('hf', '--copy', of=file)
    assert sorted(tmp_path.iterdir()) == before
