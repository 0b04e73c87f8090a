"""A detector that is not trained, such as zero-shot CLIP, selects before the first epoch."""

import json

import pytest

from deft_mm.selection import read_selection
from runner_utils import TINY_CLIP, run, same_state, tiny

CONFIG = 'label_match/label_match_digits_sym40.py'


def config(work_dir, **options):
    cfg = tiny(CONFIG, work_dir, num_samples=30, train_cfg__max_epochs=2, **options)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    return cfg


def test_selection_is_the_zero_shot_prediction(tmp_path):
    runner = run(config(tmp_path))
    selection = read_selection(tmp_path / 'selection.csv')
    assert (selection.kept == (selection.pred_label == selection.given_label)).all()
    # where it is kept, the label's probability is that of the prediction
    kept = selection.kept
    assert selection.clean_prob[kept] == pytest.approx(selection.pred_prob[kept], rel=1e-5)
    seen = {i for _, batch in runner.order.batches for i in batch}
    assert seen == set(kept.nonzero()[0])


def test_every_epoch_trains_the_classifier(tmp_path):
    run(config(tmp_path))
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert [(e['epoch'], e['stage']) for e in summary['epochs']] == [
        (1, 'classifier'),
        (2, 'classifier'),
    ]
    assert summary['selection']['epoch'] == 0


def test_resume_equals_uninterrupted_run(tmp_path):
    whole = run(config(tmp_path / 'whole'))
    cfg = config(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / 'epoch_1.pth')
    resumed = run(cfg)
    assert [item for item in whole.order.batches if item[0] == 1] == resumed.order.batches
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())


def test_epochs_for_a_detector_that_trains_nothing_are_refused(tmp_path):
    cfg = config(tmp_path, default_hooks__noise_filter__detector_epochs=1)
    with pytest.raises(ValueError, match='no trainable parameter.*detector_epochs=1'):
        run(cfg)


def test_with_a_tuned_image_tower_the_adapted_clip_selects(tmp_path):
    cfg = config(tmp_path, default_hooks__noise_filter__detector_epochs=1)
    cfg.model.detector.backbone = dict(
        type='CLIPVisionTransformer', clip=TINY_CLIP, peft=dict(type='VPT', num_tokens=2)
    )
    run(cfg)
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert [entry['stage'] for entry in summary['epochs']] == ['detector', 'classifier']
    assert summary['selection']['epoch'] == 1


def log_of(work_dir) -> str:
    return ''.join(path.read_text() for path in work_dir.glob('*/*.log'))


def test_features_are_kept_for_runs_with_other_noise_and_another_selector(tmp_path):
    features = dict(default_hooks__noise_filter__features=str(tmp_path / 'features'))
    run(config(tmp_path / 'first', **features))
    assert '0 of 30 images have features in' in log_of(tmp_path / 'first')
    other = dict(
        train_dataloader__dataset__noise__ratio=0.2,
        default_hooks__noise_filter__selector=dict(type='KNNSelector', k=5),
    )
    run(config(tmp_path / 'second', **features, **other))
    assert '30 of 30 images have features in' in log_of(tmp_path / 'second')
    run(config(tmp_path / 'without', **other))
    found, expected = (
        read_selection(tmp_path / name / 'selection.csv') for name in ('second', 'without')
    )
    assert found.score == pytest.approx(expected.score, abs=2e-3)
    assert (found.kept == expected.kept).all()


def test_features_that_cannot_be_kept_are_told(tmp_path):
    name = 'default_hooks__noise_filter__features'
    run(tiny('gmm/gmm_digits_sym40.py', tmp_path, train_cfg__max_epochs=1, **{name: 'features'}))
    assert (
        'Without effect, since what scores is no CLIP whose image tower is frozen: '
        'RefilterHook.features.' in log_of(tmp_path)
    )
    assert not (tmp_path / 'features').exists()
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match="NoiseFilterHook.features '.*file' is a file"):
        run(config(tmp_path / 'b', **{name: str(tmp_path / 'file')}))
