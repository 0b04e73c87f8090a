"""Features of a frozen image tower are computed once, and never taken for those of another."""

import copy
import signal

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmpretrain.registry import TRANSFORMS

from deft_mm.datasets import NoisyLabelDataset
from deft_mm.engine.kept_features import FeatureFolder
from kept_features_utils import (
    NEEDS,
    PIPELINE,
    build_detector,
    images,
    score,
    score_until_killed,
)
from runner_utils import TINY_CLIP

COLUMNS = ('pred_label', 'pred_prob', *NEEDS)


@pytest.fixture(scope='module')
def kept(tmp_path_factory):
    """A folder with the features of 30 images."""
    folder = tmp_path_factory.mktemp('features')
    model = build_detector()
    score(model, images(), folder)
    assert model.images == 30
    return folder


def same_columns(table, other, **tolerance):
    for name in COLUMNS:
        values = [np.float64(getattr(one, name)) for one in (table, other)]
        np.testing.assert_allclose(*values, err_msg=name, **tolerance)


def test_scores_of_kept_features_are_those_of_computed_ones(kept):
    model = build_detector()
    expected = score(model, images())
    found = score(model, images(), kept)
    assert model.images == 0
    same_columns(found, expected, rtol=0, atol=0)


def test_half_precision_changes_scores_by_little_and_takes_half_the_room(kept, tmp_path):
    model = build_detector()
    first, again = (score(model, images(), tmp_path, 'float16') for _ in range(2))
    assert model.images == 0
    same_columns(first, again, rtol=0, atol=0)
    assert first.feature.dtype == np.float16
    exact = score(model, images())
    same_columns(first, exact, rtol=1e-3, atol=2e-3)
    np.testing.assert_array_equal(first.pred_label, exact.pred_label)
    sizes = [sum(f.stat().st_size for f in at.rglob('*.npy')) for at in (tmp_path, kept)]
    assert 0.4 < sizes[0] / sizes[1] < 0.6


@pytest.mark.parametrize(
    'dataset',
    [
        images(labels=[9] * 30),
        NoisyLabelDataset(images(), noise=dict(type='SymmetricNoise', ratio=0.5, seed=1)),
        images(12),
        images(30, metainfo=dict(classes=[f'other {i}' for i in range(10)])),
    ],
    ids=['labels', 'noise', 'fewer', 'names'],
)
def test_other_labels_classes_and_numbers_of_samples_find_them_again(dataset, kept):
    model = build_detector()
    found = score(model, dataset, kept, needs=('feature',))
    assert model.images == 0
    assert (found.feature == score(model, dataset, needs=('feature',)).feature).all()


def test_only_a_changed_image_is_computed_and_has_its_own_features(kept):
    class OneChanged(type(images())):
        def load_data_list(self):
            samples = super().load_data_list()
            samples[7]['img'] = samples[7]['img'].copy()
            samples[7]['img'][0, 0, 0] ^= 1
            return samples

    dataset, model = OneChanged(10, 30, pipeline=PIPELINE), build_detector()
    found = score(model, dataset, kept)
    assert model.images == 1
    # In a batch of its own, so that the last bits differ.
    same_columns(found, score(model, dataset), rtol=1e-4, atol=1e-5)


def other_weights():
    model = build_detector()
    with torch.no_grad():
        model.backbone.ln_post.bias[0] += 1e-3
    return model


def with_clip(**changes):
    clip = copy.deepcopy(TINY_CLIP)
    vision = {key: clip['model']['vision_cfg'].get(key) for key in changes}
    clip['model'].update({key: value for key, value in changes.items() if vision[key] is None})
    clip['model']['vision_cfg'].update({k: v for k, v in changes.items() if vision[k] is not None})
    return build_detector(clip)


@pytest.mark.parametrize(
    ('model', 'options'),
    [
        (other_weights, {}),
        (lambda: with_clip(quick_gelu=False), {}),
        (lambda: with_clip(head_width=8), {}),
        (lambda: build_detector(mean=121.0), {}),
        (build_detector, dict(pipeline=[dict(type='Resize', scale=32), *PIPELINE])),
        (build_detector, dict(dtype='float16')),
        (build_detector, dict(autocast=True)),
    ],
    ids=['weights', 'activation', 'heads', 'mean', 'transforms', 'dtype', 'precision'],
)
def test_another_tower_or_another_way_to_it_finds_none(model, options, kept):
    model = model()
    with torch.autocast('cpu', torch.bfloat16, enabled=options.pop('autocast', False)):
        score(model, images(), kept, **options)
    assert model.images == 30


@pytest.mark.parametrize(
    'options',
    [
        dict(model=dict(peft=dict(type='BitFit'))),
        dict(model=dict(out_type='token'), needs=('feature',)),
        dict(pipeline=[TRANSFORMS.get('mmpretrain.PackInputs')()]),
    ],
    ids=['trained', 'unprojected', 'built transform'],
)
def test_of_what_is_trained_or_not_known_nothing_is_kept(options, tmp_path):
    model = build_detector(**options.pop('model', {}))
    if model.backbone.out_type == 'token':
        model.head = torch.nn.Module()
        model.head.forward = lambda feats: feats[-1][:, :10]
        model.head.pre_logits = lambda feats: feats[-1]
    for _ in range(2):
        score(model, images(), tmp_path, **options)
        assert model.images == 30
    assert not list(tmp_path.iterdir())


def test_an_image_that_cannot_be_read_is_left_out_and_looked_at_again(tmp_path):
    class Files(type(images())):
        def load_data_list(self):
            samples = super().load_data_list()
            samples[3] = dict(samples[3], img=None, img_path=str(tmp_path / 'gone.png'))
            return samples

    class Read(TRANSFORMS.get('mmpretrain.PackInputs')):
        def transform(self, results):
            return None if results['img'] is None else super().transform(results)

    TRANSFORMS.register_module(module=Read, name='ReadOrNot', force=True)
    options = dict(pipeline=[dict(type='ReadOrNot')], skip_unreadable=True, needs=('feature',))
    model = build_detector()
    for computed in (29, 0):
        table = score(model, Files(10, 30, pipeline=PIPELINE), tmp_path / 'features', **options)
        assert np.flatnonzero(~table.readable).tolist() == [3]
        assert np.isnan(table.feature[3]).all() and model.images == computed


def test_a_killed_pass_goes_on_where_it_was(tmp_path):
    process = mp.get_context('forkserver').Process(target=score_until_killed, args=(tmp_path, 20))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    model = build_detector()
    found = score(model, images(), tmp_path)
    assert model.images == 30 - 16  # of 20, two files of 8 were complete
    same_columns(found, score(model, images()), rtol=1e-4, atol=1e-5)


def test_a_damaged_file_is_told_and_computed_again(tmp_path, capsys):
    model = build_detector()
    score(model, images(), tmp_path)
    (path,) = tmp_path.rglob('*.npy')
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    found = score(model, images(), tmp_path)
    assert model.images == 30 and '1 files of features' in capsys.readouterr().out
    same_columns(found, score(model, images()), rtol=0, atol=0)


def test_features_too_large_for_half_precision_are_told(tmp_path):
    model = build_detector()
    with torch.no_grad():
        model.backbone.ln_post.weight.mul_(1e6)
    with pytest.raises(ValueError, match='too large for float16: .*--feature-dtype float32'):
        score(model, images(), tmp_path, 'float16')
    score(model, images(), tmp_path, 'float32')


def test_another_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="kept features is 'int8': set one of float16, float32"):
        FeatureFolder(tmp_path, 'int8')
