"""The tool that takes a detector to other data, run as a user runs it."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from PIL import Image
from process_utils import run_tool

from deft_mm.datasets import CleanSubset, DigitsDataset, ImageFolderDataset, class_names_of
from deft_mm.engine.launch import read_config
from deft_mm.evaluation import DetectionCurve, detection_metrics
from deft_mm.selection import read_selection
from runner_utils import REPO, run, tiny
from tool_utils import tool

DIGITS = REPO / 'configs/deft/deft_digits_sym40.py'
NAMES = class_names_of(DigitsDataset())
NUM_IMAGES = 60


@pytest.fixture(scope='module')
def run_dir(tmp_path_factory):
    """A short run on the digits, in a work directory."""
    work_dir = tmp_path_factory.mktemp('run')
    with pytest.MonkeyPatch.context() as monkeypatch:
        epochs = ['train_cfg.max_epochs=4', 'default_hooks.noise_filter.detector_epochs=3']
        tool(monkeypatch, 'train.py', DIGITS, '--work-dir', work_dir, '--cfg-options', *epochs)
    return work_dir


@pytest.fixture
def detect(run_dir, tmp_path, monkeypatch):
    """Run the tool with the detector of that run, and give the selection that it writes."""

    def detect(*options, checkpoint='epoch_4.pth'):
        config = run_dir / DIGITS.name
        out = tmp_path / 'out' / 'selection.csv'
        chosen = [] if '--clip-only' in options else [run_dir / checkpoint]
        tool(monkeypatch, 'detect.py', config, *chosen, '--out', out, *options)
        return read_selection(out)

    return detect


@pytest.fixture(scope='module')
def digits():
    """The training images and true labels."""
    dataset = DigitsDataset()
    return [dataset.get_data_info(idx) for idx in range(NUM_IMAGES)]


def folder_of(digits, root, names=NAMES):
    """Write the first images as files, a folder for each class; those without a name left out."""
    for idx, info in enumerate(digits):
        if names[info['gt_label']] is not None:
            folder = root / names[info['gt_label']]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(info['img']).save(folder / f'{idx:03d}.png')
    return root


def by_index(selection, values) -> dict:
    """Values of a selection of files by the index in their names."""
    paths = [path.rpartition('/')[2] for path in selection.img_path]
    return {int(path.split('.')[0]): value for path, value in zip(paths, values, strict=True)}


@pytest.fixture(scope='module')
def reference(run_dir, tmp_path_factory):
    """Clean probability of the first images with their true labels, straight from memory."""
    out = tmp_path_factory.mktemp('reference') / 'selection.csv'
    options = ['--out', out, '--cfg-options', 'train_dataloader.dataset.noise=None']
    with pytest.MonkeyPatch.context() as monkeypatch:
        checkpoint = run_dir / 'epoch_4.pth'
        tool(monkeypatch, 'detect.py', run_dir / DIGITS.name, checkpoint, *options)
    return read_selection(out).clean_prob[:NUM_IMAGES]


def require_reference(selection, reference, indices) -> None:
    found = by_index(selection, selection.clean_prob)
    assert sorted(found) == sorted(indices)
    for idx, clean_prob in found.items():
        assert clean_prob == pytest.approx(reference[idx], rel=1e-4, abs=1e-6), idx


@pytest.mark.parametrize('checkpoint', ['epoch_3.pth', 'epoch_4.pth'])
def test_its_own_training_set_gets_the_selection_of_the_run(checkpoint, detect, run_dir, tmp_path):
    found, of_run = detect(checkpoint=checkpoint), read_selection(run_dir / 'selection.csv')
    for name in ('clean_prob', 'pred_label', 'pred_prob', 'kept'):
        np.testing.assert_array_equal(getattr(found, name), getattr(of_run, name), err_msg=name)
    assert found.fingerprint == of_run.fingerprint and found.method == of_run.method
    curve = DetectionCurve.read(tmp_path / 'out/detection_curve.csv')
    assert curve.auroc == DetectionCurve.read(run_dir / 'detection_curve.csv').auroc


@pytest.mark.parametrize('data', ['own', 'of another config', 'folder'])
def test_the_command_that_comes_next_makes_a_page_of_it(
    detect, digits, tmp_path, monkeypatch, capsys, data
):
    other = tmp_path / 'other.py'
    other.write_text(f"_base_ = '{DIGITS}'\ntrain_dataloader = dict(dataset=dict(noise=None))\n")
    chosen = dict(own=[], folder=['--data', folder_of(digits, tmp_path / 'images')])
    detect(*chosen.get(data, ['--data', other]))
    text = re.search('Next: review it, (python .*)', capsys.readouterr().out)[1]
    python, script, *arguments = shlex.split(text)
    assert python == 'python' and Path(script).resolve() == REPO / 'tools/review.py'
    assert ('--config' in arguments) == (data != 'folder')
    tool(monkeypatch, 'review.py', *arguments)
    assert (tmp_path / 'out/review/index.html').is_file()


def test_without_out_the_file_lies_in_the_work_directory_of_the_run(run_dir, monkeypatch, capsys):
    tool(monkeypatch, 'detect.py', run_dir / DIGITS.name, run_dir / 'epoch_3.pth', '--part', 'val')
    path = run_dir / 'detect/deft_digits_sym40_val_epoch_3/selection.csv'
    printed = capsys.readouterr().out
    assert len(read_selection(path)) == 500 and str(path) in printed
    # Its images are no files, and not those that a config trains on.
    assert 'Next: review' not in printed
    # The true labels of this part are the given ones, and nobody says so.
    assert not path.with_name('detection_curve.csv').exists()


def test_the_selection_of_other_data_of_the_same_name_is_not_replaced_and_features_are_found_again(
    digits, tmp_path, monkeypatch, capsys
):
    roots = [folder_of(digits[:n], tmp_path / str(n) / 'images') for n in (30, 40)]
    arguments = [DIGITS, '--clip-only', '--cfg-options', f'work_dir="{tmp_path}/run"', '--data']
    tool(monkeypatch, 'detect.py', *arguments, roots[0])
    out = tmp_path / 'run/detect/images_zero_shot/selection.csv'
    written = out.read_bytes()
    with pytest.raises(ValueError, match=r'images_zero_shot/selection.csv.* be replaced.*--out'):
        tool(monkeypatch, 'detect.py', *arguments, roots[1])
    assert out.read_bytes() == written
    tool(monkeypatch, 'detect.py', *arguments, roots[0], '--threshold', 0.38)
    assert read_selection(out).method == 'ThresholdSelector'
    found = re.findall(r'(\d+ of \d+) images have features in (\S+)/\w+\.', capsys.readouterr().out)
    assert found == [(f'{n} of 30', f'{tmp_path}/run/features') for n in (0, 30)]


def test_a_classifier_that_selects_nothing_itself_is_asked_for_its_prediction(
    tmp_path, monkeypatch
):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path)
    cfg.dump(tmp_path / 'config.py')
    run(cfg)
    tool(monkeypatch, 'detect.py', tmp_path / 'config.py', tmp_path / 'epoch_1.pth')
    selection = read_selection(tmp_path / 'detect/config_epoch_1/selection.csv')
    assert selection.method == 'LabelMatchSelector' and len(selection) == 24


def test_another_noise_is_scored_and_the_file_filters_that_data_set(detect, tmp_path, capsys):
    noise = ['type=InstanceDependentNoise', 'ratio=0.3', 'seed=1']
    options = [f'train_dataloader.dataset.noise.{option}' for option in noise]
    selection = detect('--data', DIGITS, '--data-options', *options)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        pairs = dict(option.split('=') for option in options)
        pairs = {key: eval(v) if key[-4:] != 'type' else v for key, v in pairs.items()}
        dataset = DATASETS.build(read_config(DIGITS, pairs).train_dataloader.dataset)
        subset = CleanSubset(dataset, tmp_path / 'out/selection.csv')
    assert len(subset) == selection.num_kept < len(dataset)
    metrics = detection_metrics(selection.kept, dataset.given_labels, dataset.clean_labels)
    text = f'precision {metrics["precision"]:.2f}, recall {metrics["recall"]:.2f}'
    assert text in capsys.readouterr().out
    assert DetectionCurve.read(tmp_path / 'out/detection_curve.csv').auroc > 60


def test_files_in_folders_score_as_the_same_images_in_memory(
    detect, digits, reference, tmp_path, capsys
):
    root = folder_of(digits, tmp_path / 'images')
    (root / 'two' / 'broken.png').write_text('no image')
    selection = detect('--data', root)
    require_reference(selection, reference, range(NUM_IMAGES))
    printed = capsys.readouterr().out
    assert 'unreadable image' in printed and 'most is rejected' in printed
    # The line that the user is to copy.
    dataset = eval(printed.split("type='CleanSubset', dataset=")[1].split(', selection=')[0])
    dataset.pop('type')
    kept = CleanSubset(ImageFolderDataset(**dataset), tmp_path / 'out/selection.csv')
    assert len(kept) == selection.num_kept


def test_a_list_scores_what_it_lists(detect, digits, reference, tmp_path):
    root = folder_of(digits, tmp_path / 'images')
    chosen = range(0, NUM_IMAGES, 2)
    lines = [f'{NAMES[digits[i]["gt_label"]]}/{i:03d}.png' for i in chosen]
    rows = [f'{line},{line.split("/")[0]}' for line in lines]
    (root / 'list.csv').write_text('\n'.join(['path,label', *rows]))
    require_reference(detect('--data', root / 'list.csv'), reference, chosen)


def overlapping(digits, root) -> tuple:
    """Folders of three known classes, spelled in other ways, and of one unknown class."""
    names = [None, 'ONE', None, None, 'uno', None, '_six', 'Seven', None, None]
    known = [i for i, info in enumerate(digits) if names[info['gt_label']] not in (None, 'uno')]
    unknown = [i for i, info in enumerate(digits) if names[info['gt_label']] == 'uno']
    return folder_of(digits, root, names), known, unknown


def test_overlapping_classes_are_scored_and_the_rest_is_kept_unscored(
    detect, digits, reference, tmp_path, capsys
):
    root, known, unknown = overlapping(digits, tmp_path / 'images')
    selection = detect('--data', root)
    found = by_index(selection, selection.clean_prob)
    assert known and all(found[i] == pytest.approx(reference[i], rel=1e-4) for i in known)
    assert unknown and all(np.isnan(found[i]) for i in unknown)
    assert {label for i, label in by_index(selection, selection.pred_label).items() if i in known}
    assert all(by_index(selection, selection.kept)[i] for i in unknown)
    printed = capsys.readouterr().out
    assert '3 of the 4 classes of the data are classes of the detector' in printed
    assert 'unscored and kept, since the detector does not have these: uno.' in printed

    rejected = detect('--data', root, '--unmatched', 'reject')
    assert not any(by_index(rejected, rejected.kept)[i] for i in unknown)
    among_all = detect('--data', root, '--predict-among', 'all')
    assert set(among_all.pred_label) > {-1}
    np.testing.assert_array_equal(among_all.clean_prob, selection.clean_prob)


def test_a_mapping_file_says_what_the_names_do_not(detect, digits, reference, tmp_path):
    root, known, unknown = overlapping(digits, tmp_path / 'images')
    (tmp_path / 'map.csv').write_text('data_class,detector_class\nuno,Four\n')
    selection = detect('--data', root, '--class-map', tmp_path / 'map.csv')
    require_reference(selection, reference, known + unknown)


def test_prompts_of_the_datas_names_score_every_class(detect, digits, reference, tmp_path):
    root, known, unknown = overlapping(digits, tmp_path / 'images')
    (tmp_path / 'map.json').write_text('{"_six": "six"}')
    options = ['--class-names', 'data', '--class-map', tmp_path / 'map.json']
    selection = detect('--data', root, *options)
    found = by_index(selection, selection.clean_prob)
    assert not np.isnan(list(found.values())).any() and unknown
    for idx in known:
        # 'ONE' and 'Seven' are tokenised in lower case.
        assert found[idx] == pytest.approx(reference[idx], rel=1e-4, abs=1e-6)


def test_another_selector_and_its_options_are_taken(detect):
    selection = detect('--selector', 'SmallLossSelector', '--selector-options', 'noise_ratio=0.25')
    assert selection.method == 'SmallLossSelector'
    assert selection.num_kept == int(0.75 * len(selection))
    stricter = detect('--selector-options', 'threshold=0.9')
    np.testing.assert_array_equal(stricter.kept, stricter.clean_prob > 0.9)


def test_clip_only_is_label_match_without_training(detect, capsys):
    selection = detect('--clip-only')
    np.testing.assert_array_equal(selection.kept, selection.pred_label == selection.given_label)
    assert selection.method == 'LabelMatchSelector'
    # As in the table of docs/wrong-labels.md.
    f1 = float(re.search(r'F1 ([\d.]+)', capsys.readouterr().out)[1])
    assert f1 == pytest.approx(93.9, abs=0.1)


def test_clip_only_takes_threshold_template_and_any_class_names(detect, digits, tmp_path):
    root, *_ = overlapping(digits, tmp_path / 'images')
    selection = detect('--clip-only', '--data', root, '--threshold', 0.6)
    np.testing.assert_array_equal(selection.kept, selection.score > 0.6)
    assert np.isnan(selection.clean_prob).all()  # a cosine is no probability
    assert len(set(selection.kept)) == 2
    options = ['--template', 'the sign {}', '--temperature', 1]
    warm = detect('--clip-only', '--data', root, *options)
    assert warm.pred_prob.max() < 0.6 < selection.pred_prob.max()


def test_two_processes_write_what_one_writes(detect, run_dir, tmp_path):
    alone = detect()
    out = tmp_path / 'two.csv'
    options = [run_dir / DIGITS.name, run_dir / 'epoch_4.pth', '--out', out]
    printed = run_tool('detect.py', options, tmp_path)
    together = read_selection(out)
    np.testing.assert_allclose(together.clean_prob, alone.clean_prob, rtol=1e-4, atol=1e-5)
    assert printed.count('Kept ') == 1


def test_neighbours_in_the_features_of_a_clip_that_is_not_trained(detect):
    selection = detect('--clip-only', '--selector', 'KNNSelector', '--selector-options', 'k=20')
    assert selection.method == 'KNNSelector' and f1_of(selection) > 85


def test_any_score_and_cut_by_name(detect):
    options = ['score=zero_shot', 'cut=share', 'noise_ratio=0.25']
    found = detect('--clip-only', '--selector', 'ScoreSelector', '--selector-options', *options)
    assert found.num_kept == int(0.75 * len(found))
    assert found.score[found.kept].min() >= found.score[~found.kept].max()


def test_planted_errors_choose_for_zero_shot_clip_and_for_a_trained_detector(detect, capsys):
    selection = detect('--clip-only', '--selector', 'AuditSelector')
    assert f1_of(selection) > 90
    assert 'of the labels are wrong by the best guess' in capsys.readouterr().out
    assert f1_of(detect('--selector', 'AuditSelector')) > 80


def f1_of(selection) -> float:
    dataset = DATASETS.build(read_config(DIGITS, {}).train_dataloader.dataset)
    clean = DigitsDataset().get_gt_labels()
    np.testing.assert_array_equal(selection.given_label, dataset.given_labels)
    return detection_metrics(selection.kept, selection.given_label, clean)['f1']


def test_a_number_of_classes_that_the_config_leaves_open_is_that_of_the_checkpoint(detect):
    keys = ['model.detector.head.num_classes', 'data_preprocessor.num_classes']
    selection = detect('--part', 'test', '--cfg-options', *(f'{key}=None' for key in keys))
    assert len(selection) == 500


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (['--data', 'nowhere'], FileNotFoundError, "--data 'nowhere' does not exist"),
        (['--part', 'val', '--data', '.'], ValueError, '--part val is for configs'),
        (['--data-options', 'a=1'], ValueError, '--data-options belong to --data'),
        (['--class-map', 'nowhere.csv'], FileNotFoundError, 'nowhere.csv'),
        (['--pipeline-from', 'nowhere.py'], FileNotFoundError, 'nowhere.py'),
        (['--selector', 'NoSelector'], ValueError, '--selector is .*Known selectors: .*dual_prom'),
        (['--clip-only', '--selector', 'DualPromptSelector'], ValueError, 'ZeroShotHead does not'),
        (['--out', '.'], ValueError, 'is no selection file'),
        (['--out', 'list.csv'], ValueError, 'list.csv. exists and is no selection file'),
        (['--out', 'list.csv/x.csv'], ValueError, "'list.csv' is a file, not a folder"),
        (['--out', '/proc/x.csv'], OSError, "--out '/proc/x.csv': '/proc' cannot be written"),
        (
            ['--cfg-options', 'default_hooks.noise_filter.limits.max_reject=0.5'],
            ValueError,
            'limits.*no .max_reject.*max_rejected',
        ),
        (['--threshold', '2'], ValueError, 'a similarity in'),
        (['--selector', 'KNNSelector', '--selector-options', 'k=0'], ValueError, '`k` is a number'),
        (['--amp'], ValueError, '--amp .* needs a GPU'),
        (
            ['--cfg-options', 'model.detector.backbone.peft=None'],
            ValueError,
            'epoch_4.pth does not hold the weights of the detector of',
        ),
    ],
)
def test_mistakes_are_one_clear_error_and_nothing_is_written(
    options, error, match, detect, tmp_path, monkeypatch
):
    monkeypatch.setattr('deft_mm.engine.launch.get_device', lambda: 'cpu')
    monkeypatch.chdir(tmp_path)
    Path('list.csv').write_text('path,label\na.png,cat\n')
    with pytest.raises(error, match=match):
        detect(*options)
    assert Path('list.csv').read_text() == 'path,label\na.png,cat\n'
    assert not (tmp_path / 'out').exists()


def test_missing_config_and_checkpoint_are_named(detect, monkeypatch):
    with pytest.raises(FileNotFoundError, match='nowhere.pth does not exist'):
        detect(checkpoint='nowhere.pth')
    with pytest.raises(FileNotFoundError, match='nowhere.py does not exist'):
        tool(monkeypatch, 'detect.py', 'nowhere.py', 'x.pth')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'give the CHECKPOINT of a trained detector, or --clip-only'),
        (['x.pth', '--clip-only'], 'or --clip-only without one'),
        (['x.pth', '--selector', 'X', '--threshold', '1'], 'give one of the two'),
        (['x.pth', '--template', '{}'], 'belong to --clip-only'),
        (['--clip-only', '--class-names', 'detector'], 'has no classes of its own'),
        (['x.pth', '--batch-size', '0'], '--batch-size is 0: give 1 or more'),
        (['x.pth', '--num-workers', '-1'], '--num-workers is -1: give 0 or more'),
    ],
)
def test_options_that_exclude_each_other_end_in_a_usage_message(
    options, message, monkeypatch, capsys
):
    with pytest.raises(SystemExit):
        tool(monkeypatch, 'detect.py', DIGITS, *options)
    assert message in capsys.readouterr().err


def test_a_selection_of_nothing_is_written_and_warned_of(detect, capsys):
    assert detect('--threshold', 0.99).num_kept == 0
    assert 'WARNING - ThresholdSelector keeps none of the 1297 samples' in capsys.readouterr().out
