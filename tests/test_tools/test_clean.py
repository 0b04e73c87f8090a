"""The tool that finds wrong labels without a config and without training, run as a user runs it."""

import csv
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from corrections_utils import corrections
from mmengine.config import Config
from PIL import Image
from process_utils import run_tool

from deft_mm.datasets import DigitsDataset, class_names_of
from deft_mm.evaluation import detection_metrics
from deft_mm.run_lock import RunLock
from deft_mm.selection import read_selection
from runner_utils import REPO
from tool_utils import tool

NUM_IMAGES = 360
NAMES = class_names_of(DigitsDataset())


def write_digits(root: Path, number: int = NUM_IMAGES, moved: float = 0.2) -> Path:
    """Digits as files, some in the folder of another class; their names say the right one."""
    draw = np.random.RandomState(0)
    dataset = DigitsDataset()
    for idx in range(number):
        info = dataset.get_data_info(idx)
        true = given = info['gt_label']
        if draw.random_sample() < moved:
            given = (true + draw.randint(1, 10)) % 10
        folder = root / NAMES[given]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(info['img']).save(folder / f'{true}_{idx:04d}.png')
    return root


def true_labels(selection) -> np.ndarray:
    names = [true_name(path) for path in selection.img_path]
    return np.array([selection.class_names.index(name) for name in names])


def true_name(path: str) -> str:
    return NAMES[int(Path(path).name[0])]


def clean(monkeypatch, *arguments) -> None:
    tool(monkeypatch, 'clean.py', *arguments, '--num-workers', 0)


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    root = write_digits(tmp_path_factory.mktemp('user') / 'my digits')
    (root / 'two' / 'broken.png').write_text('no image')
    return root


@pytest.fixture(scope='module')
def cleaned(images, tmp_path_factory):
    """The work directory of one run of the tool, and what it has printed."""
    home = tmp_path_factory.mktemp('home')
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(home)
        clean(monkeypatch, images, '--clip', 'tiny')
    return home / 'work_dirs/clean/my digits'


@pytest.fixture
def copy(cleaned, tmp_path):
    """A work directory that a test may change."""
    return Path(shutil.copytree(cleaned, tmp_path / 'out'))


def figures_of(out: Path) -> dict:
    return json.loads((out / 'summary.json').read_text())


def edit(out: Path) -> None:
    """Keep a rejected sample, as a person would."""
    text = (out / 'selection.csv').read_text()
    row = next(line for line in text.splitlines() if re.match(r'\d+,.*,0(,|$)', line))
    edited = re.sub(r',0(?=$|,[^,]*$)', ',1', row)
    assert edited != row
    (out / 'selection.csv').write_text(text.replace(row, edited))


def test_every_readable_image_is_listed_and_most_wrong_labels_are_found(cleaned, images):
    selection = read_selection(cleaned / 'selection.csv')
    assert len(selection) == NUM_IMAGES and selection.method == 'AuditSelector'
    assert {Path(path).parent.parent for path in selection.img_path} == {images}
    right = true_labels(selection) == selection.given_label
    metrics = detection_metrics(selection.kept, selection.given_label, true_labels(selection))
    of_all = 200 * right.mean() / (1 + right.mean())
    assert metrics['f1'] > of_all + 2


def test_the_summary_tells_what_the_selection_holds(cleaned):
    figures, selection = figures_of(cleaned), read_selection(cleaned / 'selection.csv')
    assert figures['kept'] == selection.num_kept and figures['samples'] == NUM_IMAGES
    assert figures['kept'] + figures['rejected'] == NUM_IMAGES
    share = figures['wrong_share']
    assert 0 <= share['low'] <= share['estimate'] <= share['high'] <= 1
    wrong = (true_labels(selection) != selection.given_label).mean()
    assert share['low'] <= wrong <= share['high']
    for one in figures['classes']:
        of_class = selection.given_label == selection.class_names.index(one['name'])
        assert one['samples'] == of_class.sum()
        assert one['rejected'] == pytest.approx(1 - selection.kept[of_class].mean(), abs=1e-4)
        assert 0 <= one['zero_shot_agreement'] <= 1
    first = figures['look_first']
    true = [true_name(one['path']) for one in first]
    assert np.mean([one['given'] != name for one, name in zip(first, true, strict=True)]) > 0.8
    assert np.mean([one['suggested'] == name for one, name in zip(first, true, strict=True)]) > 0.6
    assert [one['score'] for one in first] == sorted(one['score'] for one in first)
    counted = sum(pair['samples'] for pair in figures['pairs'])
    assert counted <= figures['rejected'] and all(
        p['given'] != p['suggested'] for p in figures['pairs']
    )


def test_the_log_tells_the_same_and_no_accuracy(cleaned):
    log, figures = (cleaned / 'clean.log').read_text(), figures_of(cleaned)
    summary = log[log.index('Summary') :]
    for text in (
        f'{figures["kept"]} of {NUM_IMAGES} images',
        f'{figures["wrong_share"]["estimate"]:.1%} of all by the best guess',
        f'says the given label of {figures["zero_shot_agreement"]:.1%} of the images',
        figures['look_first'][0]['path'],
        figures['next'],
    ):
        assert text in summary
    assert 'accuracy' not in log.lower()
    # Zero-shot CLIP's agreement with the labels is what it was before anything was rejected.
    assert 'unreadable image' in log[: log.index('Summary')]


def test_what_is_wrong_with_the_files_is_a_table(cleaned, images):
    rows = list(csv.DictReader((cleaned / 'data_report.csv').read_text().splitlines()))
    assert str(images / 'two/broken.png') in [row['path'] for row in rows]
    assert not list(cleaned.glob('.*tmp'))


def test_the_next_command_trains_on_what_is_kept(cleaned, monkeypatch, tmp_path):
    python, script, config = shlex.split(figures_of(cleaned)['next'])
    monkeypatch.chdir(cleaned.parent.parent.parent)
    assert python == 'python' and Path(script).resolve() == REPO / 'tools/train.py'
    options = ['train_cfg.max_epochs=1', 'train_dataloader.num_workers=0']
    options += ['val_dataloader.num_workers=0']
    tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path, '--cfg-options', *options)
    log = next(tmp_path.glob('*/*.log')).read_text()
    selection = read_selection(cleaned / 'selection.csv')
    held_out = NUM_IMAGES - int(re.search(r'of which (\d+) are those', log)[1])
    assert 20 < held_out < 60
    kept = int(re.search(r'CleanSubset of .*Selected: (\d+) of \d+ \(kept\)', log)[1])
    assert selection.num_kept - held_out <= kept < selection.num_kept


def test_the_command_before_makes_a_page_of_it(cleaned, monkeypatch):
    *_, review, train = (cleaned / 'clean.log').read_text().rstrip().splitlines()
    assert train.startswith('  next: train')
    python, script, *arguments = shlex.split(review.removeprefix('  next: review'))
    monkeypatch.chdir(cleaned.parents[2])
    assert python == 'python' and Path(script).resolve() == REPO / 'tools/review.py'
    assert arguments == ['work_dirs/clean/my digits']
    tool(monkeypatch, 'review.py', *arguments)
    assert (cleaned / 'review/index.html').is_file()


def test_the_same_data_are_cleaned_again_by_another_detector(copy, images, monkeypatch):
    options = ['--detector', 'knn', '--detector-options', 'k=10', '--out', copy]
    clean(monkeypatch, images, '--clip', 'tiny', *options)
    assert read_selection(copy / 'selection.csv').method == 'KNNSelector'
    assert figures_of(copy)['wrong_share'] is None
    log = (copy / 'clean.log').read_text()
    assert log.count('Summary') == 2
    assert re.findall(r'(\d+ of \d+) images have features', log) == ['0 of 360', '360 of 360']


def test_features_are_found_again_when_an_image_has_moved_to_another_class(
    cleaned, images, tmp_path, monkeypatch, capsys
):
    moved = Path(shutil.copytree(images, tmp_path / 'moved'))
    first = next((moved / 'two').glob('2_*.png'))
    first.rename(moved / 'three' / first.name)
    options = ['--clip', 'tiny', '--detector', 'label_match', '--features', cleaned / 'features']
    clean(monkeypatch, moved, '--out', tmp_path / 'out', *options)
    assert '360 of 360 images have features' in capsys.readouterr().out
    assert not (tmp_path / 'out/features').exists()


def test_single_precision_and_no_features_on_the_disk_select_what_half_precision_does(
    cleaned, images, tmp_path, monkeypatch
):
    half = read_selection(cleaned / 'selection.csv')
    for options in (['--feature-dtype', 'float32'], ['--features', 'none']):
        out = tmp_path / options[1]
        clean(monkeypatch, images, '--clip', 'tiny', '--out', out, *options)
        selection = read_selection(out / 'selection.csv')
        np.testing.assert_allclose(selection.score, half.score, atol=5e-3)
        np.testing.assert_allclose(selection.pred_prob, half.pred_prob, atol=5e-3)
        np.testing.assert_array_equal(selection.kept, half.kept)
    assert not (tmp_path / 'none/features').exists()


def test_near_duplicates_with_other_labels_and_outliers_are_told(tmp_path, monkeypatch):
    root = write_digits(tmp_path / '=images', number=300, moved=0)
    original = sorted((root / NAMES[3]).glob('*.png'))[0]
    pixels = np.asarray(Image.open(original))
    brighter = root / NAMES[5] / '3_copy.png'
    Image.fromarray(np.minimum(pixels * 1.2 + 2, 255).astype(np.uint8)).save(brighter)
    shutil.copy(brighter, root / NAMES[5] / '3_copy_of_copy.png')  # the same, and the same label
    shutil.copy(original, root / NAMES[7] / '3_exact.png')  # told by the data report
    out = tmp_path / 'out'
    clean(monkeypatch, root, '--clip', 'tiny', '--out', out)
    text = (out / 'look_alikes.csv').read_text()
    rows = list(csv.DictReader(text.splitlines()))
    pairs = [row for row in rows if row['kind'] == 'near duplicate']
    found = {frozenset((row['path'], row['other_path'])) for row in pairs}
    assert frozenset(map(str, (original, brighter))) in found
    assert frozenset(map(str, (original, root / NAMES[7] / '3_exact.png'))) not in found
    assert all(row['given'] != row['other_given'] for row in pairs)
    distances = [float(row['relative_distance']) for row in pairs]
    assert distances == sorted(distances) and 0 <= distances[0] < 0.2
    figures = figures_of(out)['look_alikes']
    assert figures == dict(near_duplicates=len(pairs), outliers=len(rows) - len(pairs))
    log = (out / 'clean.log').read_text()
    assert f'{len(pairs)} pairs of images look nearly the same, with different labels' in log
    assert str(brighter) in log[log.index('near duplicates') :]

    # A detector that asks for no features compares none, and so many images are too many.
    clean(monkeypatch, root, '--clip', 'tiny', '--out', out, '--detector', 'label_match')
    for module in ('selection.sample_details', 'detection.clean_summary'):
        monkeypatch.setattr(f'deft_mm.{module}.MOST_COMPARED', 100)
    assert figures_of(out)['look_alikes'] is None
    assert (out / 'look_alikes.csv').read_text().count('\n') == 1
    clean(monkeypatch, root, '--clip', 'tiny', '--out', out)
    assert figures_of(out)['look_alikes'] is None
    log = (out / 'clean.log').read_text()
    for why in ('without features', 'among more than 100 images'):
        assert f'near duplicates  and outliers: not looked for {why}' in log


def test_a_persons_edits_are_never_replaced_and_then_trains_on_them(copy, images, monkeypatch):
    edit(copy)
    edited = (copy / 'selection.csv').read_bytes()
    options = [images, '--clip', 'tiny', '--out', copy]
    with pytest.raises(ValueError, match=r'selection.csv. was edited .*--then METHOD'):
        clean(monkeypatch, *options)
    with pytest.raises(ValueError, match='was edited'):
        clean(monkeypatch, *options, '--then', 'ce', '--detector', 'knn')
    started = []
    monkeypatch.setattr('os.execv', lambda *command: started.append(command))
    clean(monkeypatch, *options, '--then', 'ce')
    assert (copy / 'selection.csv').read_bytes() == edited
    ((program, (*_, script, config)),) = started
    assert program == sys.executable and Path(script).name == 'train.py'
    dataset = Config.fromfile(config).train_dataloader.dataset
    assert dataset.type == 'CleanSubset' and dataset.selection == f'{copy}/selection.csv'


def test_then_hands_the_selection_to_a_method_that_has_a_detector_of_its_own(
    copy, images, monkeypatch
):
    started = []
    monkeypatch.setattr('os.execv', lambda *command: started.append(command))
    clean(monkeypatch, images, '--clip', 'tiny', '--out', copy, '--then', 'fixmatch')
    cfg = Config.fromfile(started[0][1][-1])
    assert 'CleanSubset' not in cfg.pretty_text
    assert cfg.default_hooks.noise_filter.selection == f'{copy}/selection.csv'


def test_the_training_data_of_a_config_are_cleaned_with_its_own_clip(tmp_path, monkeypatch):
    options = [
        '--out',
        tmp_path / 'out',
        '--data-options',
        'train_dataloader.dataset.noise.ratio=0.2',
    ]
    clean(monkeypatch, REPO / 'configs/deft/deft_digits_sym40.py', *options)
    selection = read_selection(tmp_path / 'out/selection.csv')
    assert len(selection) == 1297 and selection.config == 'deft_digits_sym40.py'
    clean_labels = DigitsDataset().get_gt_labels()
    metrics = detection_metrics(selection.kept, selection.given_label, clean_labels)
    assert metrics['f1'] > 92  # all kept: 90.2
    assert (tmp_path / 'out/detection_curve.csv').exists()
    assert figures_of(tmp_path / 'out')['look_first'][0]['path'].startswith('sample ')


def test_few_images_are_cleaned_without_an_audit(tmp_path, monkeypatch, capsys):
    root = write_digits(tmp_path / 'few', 120)
    # A class of one image.
    shutil.copytree(root / 'one', tmp_path / 'kept')
    for path in sorted((root / 'one').iterdir())[1:]:
        path.unlink()
    clean(monkeypatch, root, '--clip', 'tiny', '--out', tmp_path / 'out')
    selection = read_selection(tmp_path / 'out/selection.csv')
    assert selection.method == 'ScoreSelector' and 0 < selection.num_kept < len(selection)
    assert 'too few for an audit' in capsys.readouterr().out
    with pytest.raises(ValueError, match=r'AuditSelector needs 250 images, and there are \d+'):
        clean(monkeypatch, root, '--clip', 'tiny', '--out', tmp_path / 'b', '--detector', 'audit')
    assert not (tmp_path / 'b').exists()


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """A folder of few images, other ones than those of ``images``."""
    return write_digits(tmp_path_factory.mktemp('small') / 'images', 60)


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (['nowhere'], FileNotFoundError, "DATA 'nowhere' does not exist: give a folder that has"),
        (['note.txt'], ValueError, "DATA 'note.txt' is neither a list file"),
        (['classless'], FileNotFoundError, "no image in '.*classless': expected <class>/<image>"),
        (['single'], ValueError, 'has the classes .one.: a classifier needs two or more'),
        (['{small}', '--detector', 'magic'], ValueError, "--detector is 'magic'.*audit, .*knn"),
        (['{small}', '--detector', 'knn', '--detector-options', 'k=0'], ValueError, '`k` is a num'),
        (['{small}', '--detector', 'threshold'], ValueError, "missing .* 'threshold'"),
        (['{small}', '--detector', 'dual_prompt'], ValueError, 'which ZeroShotHead does not give'),
        (['{small}', '--detector', 'confident_learning'], ImportError, 'needs cleanlab, which is'),
        (
            ['{small}', '--detector', 'score', '--detector-options', 'folds=50'],
            ValueError,
            'cross-validates in 50 folds, and no two classes have as many images',
        ),
        (['{small}', '--clip', 'ViT-Z-99'], ValueError, 'ViT-Z-99'),
        (['{small}', '--out', 'note.txt'], ValueError, "--out 'note.txt'.* is a file"),
        (['{small}', '--out', '/proc/x'], OSError, "--out '/proc/x': '/proc' cannot be written"),
        (['{small}', '--out', '{small}/out'], ValueError, "out' lies within the images"),
        (['{small}', '--out', 'classless'], ValueError, 'has files of something else, which are'),
        (['{small}', '--out', '{cleaned}'], ValueError, 'belongs to another data set: .*60 here'),
        (['{small}', '--features', 'note.txt'], ValueError, "--features 'note.txt'.* is a file"),
        (['{small}', '--amp'], ValueError, '--amp .* needs a GPU'),
        (['{small}', '--device', 'moon'], ValueError, '--device moon cannot be used'),
    ],
)
def test_mistakes_are_one_clear_error_before_features_are_computed(
    options, error, match, small, cleaned, tmp_path, monkeypatch
):
    def compute(*args, **kwargs):
        raise AssertionError('features are computed')

    monkeypatch.setattr('deft_mm.engine.select.score_samples', compute)
    monkeypatch.setattr('deft_mm.engine.launch.get_device', lambda: 'cpu')
    monkeypatch.setitem(sys.modules, 'cleanlab', None)
    monkeypatch.chdir(tmp_path)
    Path('note.txt').write_text('mine')
    Path('classless').mkdir()
    shutil.copy(next(small.glob('*/*.png')), 'classless')
    shutil.copytree(small / 'one', 'single/one')
    before = (cleaned / 'selection.csv').read_bytes()
    options = [text.format(small=small, cleaned=cleaned) for text in options]
    clip = [] if '--clip' in options else ['--clip', 'tiny']
    with pytest.raises(error, match=match):
        clean(monkeypatch, *options, *clip)
    assert Path('note.txt').read_text() == 'mine' and not Path('work_dirs').exists()
    assert (cleaned / 'selection.csv').read_bytes() == before
    assert not (small / 'out').exists()


def test_two_do_not_write_to_one_folder(copy, images, monkeypatch):
    lock = RunLock.acquire(copy / '.deft_mm.lock')
    try:
        with pytest.raises(ValueError, match=r"Another process works in the folder '.*--out"):
            clean(monkeypatch, images, '--clip', 'tiny', '--out', copy)
    finally:
        lock.release()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--detector-options', 'k=3'], '--detector-options belong to --detector'),
        (['--then', 'magic'], 'invalid choice'),
        (['--then', 'ce', '--launcher', 'pytorch'], '--then goes on in one process'),
        (['--batch-size', '0'], '--batch-size is 0: give 1 or more'),
    ],
)
def test_options_that_do_not_fit_end_in_a_usage_message(options, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        tool(monkeypatch, 'clean.py', 'images', *options)
    assert message in capsys.readouterr().err


def test_two_processes_select_what_one_selects(images, cleaned, tmp_path):
    out = tmp_path / 'out'
    options = [images, '--clip', 'tiny', '--out', out, '--num-workers', '0']
    printed = run_tool('clean.py', options, tmp_path)
    assert printed.count('look at first') == 1
    together, alone = (read_selection(folder / 'selection.csv') for folder in (out, cleaned))
    np.testing.assert_array_equal(together.kept, alone.kept)
    np.testing.assert_allclose(together.score, alone.score, atol=1e-4)


def test_the_next_round_learns_from_corrections_and_does_not_doubt_them(
    copy, images, tmp_path, monkeypatch
):
    path = copy / 'selection.csv'
    first = read_selection(path)
    true = true_labels(first)
    look = [one['sample_idx'] for one in figures_of(copy)['look_first'][:30]]
    names = first.class_names
    rows = [
        (i, 'keep', '') if true[i] == first.given_label[i] else (i, 'relabel', names[true[i]])
        for i in look[1:]
    ]
    file = corrections(tmp_path / 'corrections.csv', path, (look[0], 'exclude', ''), *rows)
    options = [images, '--clip', 'tiny', '--out', copy, '--corrections', file]
    clean(monkeypatch, *options)
    second = read_selection(path)
    assert second.fingerprint == first.fingerprint
    assert second.corrected_label[look[0]] == -2 and not second.kept[look[0]]
    np.testing.assert_array_equal(second.corrected_label[look[1:]], true[look[1:]])
    assert second.kept[look[1:]].all()
    figures = figures_of(copy)
    assert not {one['sample_idx'] for one in figures['look_first']} & set(look)
    assert figures['decisions']['excluded'] == 1
    assert figures['decisions']['undecided'] == NUM_IMAGES - 30
    assert 'by people' in (copy / 'clean.log').read_text()
    # The others are scored anew, with what was learned of these.
    others = np.setdiff1d(np.arange(NUM_IMAGES), look)
    assert (second.score[others] != first.score[others]).mean() > 0.9

    clean(monkeypatch, *options)  # again, and nothing is lost
    assert is_same(read_selection(path), second)
    with pytest.raises(ValueError, match='was edited since it was written'):
        clean(monkeypatch, *options[:-2])
    with pytest.raises(ValueError, match='belongs to another data set'):
        other = corrections(tmp_path / 'other.csv', path, classes=[], fingerprint=OTHER)
        clean(monkeypatch, *options[:-1], other)


OTHER = dict(num_samples=3, class_names='0' * 16, given_labels='0' * 16, images='0' * 16)


def is_same(one, two) -> bool:
    return all(
        np.array_equal(values, two.results()[name], equal_nan=True)
        for name, values in one.results().items()
    )
