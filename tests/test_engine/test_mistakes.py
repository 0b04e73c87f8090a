"""Each user mistake gets one clear error before any training time is spent."""

import numpy as np
import pytest
from mmengine.hooks import Hook
from mmpretrain.registry import DATASETS, HOOKS

from runner_utils import TINY_CLIP, run, tiny
from tests.test_datasets.selection_wrapper_utils import write

CONFIG = 'deft/deft_digits_sym40.py'


@HOOKS.register_module(force=True)
class NoTraining(Hook):
    """Fails when an iteration is trained."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        raise AssertionError('training has started')


@pytest.fixture
def cfg(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.custom_hooks = [dict(type='NoTraining')]
    return cfg


def fails(cfg, error, match):
    with pytest.raises(error, match=match):
        run(cfg)


def test_head_with_another_number_of_classes_than_the_data(cfg):
    cfg.model.detector.head.num_classes = 7
    fails(cfg, ValueError, r'model\.detector\.head\.num_classes is 7, but NoisyLabelDataset has 10')


def test_classifier_with_another_number_of_classes_than_the_data(cfg):
    cfg.model.classifier.head.num_classes = 12
    fails(cfg, ValueError, r'model\.classifier\.head\.num_classes is 12')


def test_wrong_number_of_class_names_in_the_config(cfg):
    cfg.model.detector.head.class_names = ['zero', 'one']
    fails(cfg, ValueError, '2 class names')


def test_data_without_class_names(cfg):
    cfg.train_dataloader.dataset.dataset.metainfo = dict(classes=None)
    fails(cfg, ValueError, r'class names.*metainfo')


@pytest.mark.parametrize(
    ('detector_epochs', 'match'),
    [
        (
            0,
            r'leaves 0 to the detector.*between 1 and max_epochs - 1.*classifier=None;.*selection=',
        ),
        (-1, 'leaves -1'),
        (2, '0 to the classifier'),
        (None, 'not set'),
    ],
)
def test_stage_without_epochs(cfg, detector_epochs, match):
    cfg.default_hooks.noise_filter.detector_epochs = detector_epochs
    fails(cfg, ValueError, match)


WEIGHTED = dict(type='CleanProbWeightedDataset')
FIX_MATCH = dict(type='FixMatchDataset', strong_pipeline=[dict(type='PackInputs')])


@pytest.mark.parametrize(
    ('dataset', 'options', 'match'),
    [
        (dict(type='RelabeledSubset'), {}, "'RelabeledSubset'.*Known wrappers: .*RelabelledSubset"),
        (dict(type='RelabelledSubset', threshold=90), {}, 'threshold.*found 90'),
        (
            WEIGHTED,
            {},
            r"'sample_weight', which nothing.*SampleWeightedLoss.*sample_fields = \{'sample_w",
        ),
        (
            WEIGHTED,
            dict(
                model__classifier__head__loss=dict(type='SampleWeightedLoss'),
                model__detector__head=dict(
                    _delete_=True, type='LinearClsHead', num_classes=10, in_channels=16
                ),
            ),
            "DualPromptSelector needs the 'clean_prob'.*LinearClsHead.*type='DualPromptHead'",
        ),
        (
            WEIGHTED,
            dict(
                model__classifier__head__loss=dict(type='SampleWeightedLoss'),
                model__detector__head=dict(
                    _delete_=True, type='ZeroShotHead', clip=TINY_CLIP, num_classes=10
                ),
                default_hooks__noise_filter__selector=dict(type='ThresholdSelector', threshold=0),
            ),
            'weights samples.*neither ThresholdSelector nor ZeroShotHead',
        ),
        (
            dict(type='CleanSubset'),
            dict(model__classifier__head__loss=dict(type='SampleWeightedLoss')),
            "reads the 'sample_weight'.*CleanSubset does not give",
        ),
        (
            WEIGHTED,
            dict(
                model__classifier__head__loss=dict(type='SampleWeightedLoss'),
                default_hooks__noise_filter__limits=dict(max_rejected=0.5),
            ),
            'limits.*CleanProbWeightedDataset.*trains on all',
        ),
        (FIX_MATCH, {}, 'lists of them.*fix_match_collate'),
        (
            dict(type='CleanSubset'),
            dict(model__classifier__type='FixMatch'),
            "reads the 'view'.*FixMatchDataset",
        ),
        (
            dict(FIX_MATCH, strong_pipeline=[]),
            dict(model__classifier__type='FixMatch'),
            'strong_pipeline ends in something else than PackInputs',
        ),
    ],
)
def test_stage_2_that_does_not_fit_costs_no_stage_1(cfg, dataset, options, match):
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    cfg.default_hooks.noise_filter.classifier_dataset = dataset
    fails(cfg, ValueError, match)


MIXUP = dict(augments=[dict(type='Mixup', alpha=0.8)], probs=[0.7])
ONE_CLASS_LOSSES = [
    dict(type='SCELoss'),
    dict(type='GCELoss'),
    dict(type='ELRLoss', num_classes=10),
    dict(type='ComplementaryLabelLoss'),
    dict(type='LogitAdjustedLoss'),
    dict(type='ClassBalancedLoss'),
]


@pytest.mark.parametrize('loss', ONE_CLASS_LOSSES, ids=lambda loss: loss['type'])
@pytest.mark.parametrize('key', ['data_preprocessor.batch_augments', 'train_cfg.augments'])
def test_mixed_labels_in_a_loss_of_one_class_cost_no_stage_1(cfg, loss, key):
    cfg.model.classifier.head.loss = loss
    if key == 'train_cfg.augments':
        cfg.model.classifier.train_cfg = MIXUP
    else:
        cfg.model.classifier.data_preprocessor = dict(cfg.data_preprocessor, batch_augments=MIXUP)
    fails(cfg, ValueError, rf'first batch, tried before.*{loss["type"]}.*batch_augments \(or train')


def test_mixed_labels_in_a_loss_that_takes_them_train(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.model.classifier.train_cfg = MIXUP
    cfg.model.classifier.head.loss = dict(
        type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=10
    )
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    run(cfg)
    assert (tmp_path / 'epoch_2.pth').is_file()


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(head__in_channels=7), 'ImageClassifier.*fails on its first batch.*shapes'),
        (dict(head__loss=dict(type='ELRLoss', num_classes=9)), 'ELRLoss knows of 9 classes'),
    ],
)
def test_classifier_that_cannot_be_trained_costs_no_stage_1(cfg, options, match):
    classifier = {f'model.classifier.{k.replace("__", ".")}': v for k, v in options.items()}
    cfg.merge_from_dict(classifier)
    fails(cfg, ValueError, match)


def test_stage_2_that_does_not_fit_where_images_may_be_unreadable(cfg):
    cfg.model.classifier.type = 'FixMatch'
    cfg.default_hooks.noise_filter.update(
        classifier_dataset=dict(FIX_MATCH, strong_pipeline=[]), skip_unreadable=True
    )
    fails(cfg, ValueError, 'strong_pipeline ends in something else than PackInputs')


def test_selection_file_with_more_samples_than_the_classifier_is_to_train_on(cfg, tmp_path):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    path = write(tmp_path / 'selection.csv', dataset, np.arange(24) < 6)
    cfg.default_hooks.noise_filter.update(
        selection=path,
        classifier_dataset=dict(type='CleanSubset', num_samples=4),
        keep_num_updates=False,
    )
    fails(cfg, ValueError, 'num_samples=4.*less than the 6 selected')


def test_selector_in_its_warm_up_when_it_selects(cfg):
    cfg.default_hooks.noise_filter.selector = dict(
        type='SmallLossSelector', noise_ratio=0.5, warmup_epochs=3
    )
    fails(cfg, ValueError, 'SmallLossSelector.*warmup_epochs=3.*detector_epochs=1')


@pytest.mark.parametrize(
    ('loss', 'match'),
    [
        ('CrossEntropyLoss', "'sample_weight', which nothing in the ImageClassifier reads"),
        ('SampleWeightedLoss', 'begin=1.*set begin=0'),
    ],
)
def test_refiltering_that_does_not_fit_costs_no_warm_up(tmp_path, loss, match):
    cfg = tiny('gmm/gmm_digits_sym40.py', tmp_path)
    cfg.custom_hooks = [dict(type='NoTraining')]
    cfg.model.head.loss = dict(type=loss)
    cfg.default_hooks.noise_filter.update(classifier_dataset=WEIGHTED, begin=1)
    fails(cfg, ValueError, match)


def test_a_model_without_the_data_that_it_is_for(tmp_path):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path)
    cfg.custom_hooks = [dict(type='NoTraining')]
    cfg.model.type = 'FixMatch'
    fails(cfg, ValueError, r"train_dataloader\.dataset: the FixMatch reads the 'view'")


def test_selector_that_is_told_the_recipe(cfg):
    cfg.default_hooks.noise_filter.selector = dict(type='DualPromptSelector', recipe='real_world')
    fails(cfg, ValueError, r'DualPromptSelector.*model\.detector\.head\.recipe')


def test_iteration_based_loop(cfg):
    cfg.train_cfg = dict(by_epoch=False, max_iters=10, val_interval=5)
    cfg.default_hooks.checkpoint.by_epoch = False
    fails(cfg, TypeError, 'IterBasedTrainLoop.*by_epoch=True')


def test_model_that_has_no_stages(cfg):
    cfg.model = cfg.model.detector
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
    cfg.param_scheduler = None
    fails(cfg, TypeError, 'model.type is ImageClassifier')


def test_unknown_selector_lists_the_known_ones(cfg):
    cfg.default_hooks.noise_filter.selector = dict(type='GuessingSelector')
    fails(cfg, ValueError, 'GuessingSelector.*DualPromptSelector, GMMSelector')


def test_unknown_peft_method_lists_the_known_ones(cfg):
    cfg.model.detector.backbone.peft = dict(type='Prefix')
    fails(cfg, (ValueError, KeyError), 'Prefix.*VPT')


def test_selection_file_that_is_missing(cfg):
    cfg.default_hooks.noise_filter.selection = 'nowhere/selection.csv'
    fails(cfg, FileNotFoundError, 'nowhere/selection.csv')


def test_selection_file_of_another_data_set(cfg, tmp_path):
    other = tiny(CONFIG, tmp_path / 'other', num_samples=20)
    other.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    run(other)
    cfg.default_hooks.noise_filter.selection = str(tmp_path / 'other' / 'selection.csv')
    fails(cfg, ValueError, 'selection.csv.*number of samples')


@pytest.mark.parametrize(
    ('pack', 'match'),
    [
        ([dict(type='PackInputs', meta_keys=('img_path',))], "leave 'sample_idx' in its meta_keys"),
        ([], "end it in dict\\(type='PackInputs'\\)"),
    ],
)
@pytest.mark.parametrize('key', ['val_dataloader.dataset.pipeline', 'NoiseFilterHook.pipeline'])
def test_samples_that_cannot_be_told_apart_cost_no_stage_1(cfg, pack, match, key):
    if key.startswith('val'):
        cfg.val_dataloader.dataset.pipeline = pack
    else:
        cfg.default_hooks.noise_filter.pipeline = pack or [dict(type='Resize', scale=32)]
    fails(cfg, ValueError, f'{key} gives samples.*{match}')


@pytest.mark.parametrize('config', [CONFIG, 'gmm/gmm_digits_sym40.py'])
def test_sampler_with_which_an_epoch_never_ends(tmp_path, config):
    cfg = tiny(config, tmp_path)
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')
    fails(cfg, ValueError, 'InfiniteSampler.*DefaultSampler')


@pytest.mark.parametrize(
    ('old', 'match'),
    [
        (dict(interval=1, begin=2), r"type='RefilterHook', begin=2, interval=1, selector"),
        (dict(selector='x/selection.csv'), r"type='NoiseFilterHook', selection='x/selection.csv'"),
        (dict(selector=dict(type='FileSelector', path='s.csv')), r"selection='s.csv'"),
    ],
)
def test_settings_of_earlier_versions_are_told_what_took_their_place(cfg, old, match):
    cfg.default_hooks.noise_filter.update(old)
    fails(cfg, (TypeError, ValueError), match)


@pytest.mark.parametrize(
    ('setting', 'match'),
    [
        (dict(batch_size=-5), r'NoiseFilterHook\.batch_size is -5'),
        (dict(num_workers=-1), r'NoiseFilterHook\.num_workers is -1'),
        (dict(out_file='epoch_2.pth'), r"out_file is 'epoch_2\.pth'.*\.csv or \.parquet"),
        (dict(out_file='summary.json'), r"out_file is 'summary\.json'.*\.csv or \.parquet"),
        (
            dict(classifier_dataset=dict(type='CleanSubset', selection='x.csv')),
            r'NoiseFilterHook\.classifier_dataset\.selection has no effect',
        ),
        (
            dict(classifier_dataloader=dict(dataset=dict(type='CleanSubset'))),
            r'NoiseFilterHook\.classifier_dataloader\.dataset has no effect',
        ),
        (dict(selector=dict(type='GMMSelector', max_iter=0)), '`max_iter` is 0: set it to 1'),
        (dict(selector=dict(type='GMMSelector', tol=-1.0)), '`tol` is -1.0: set it to 0'),
        (dict(selector=dict(type='GMMSelector', reg_covar=-1.0)), '`reg_covar` is -1.0'),
        (dict(selector=dict(type='GMMSelector', random_state=-1)), '`random_state` is -1'),
    ],
)
def test_settings_of_the_scoring_pass_are_checked_before_training(cfg, setting, match):
    cfg.default_hooks.noise_filter.update(setting)
    fails(cfg, ValueError, match)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(begin=2), r'RefilterHook\.begin=2 has no effect without an interval'),
        (
            dict(selector=dict(type='SmallLossSelector', noise_ratio=0.4, warmup_epochs=3)),
            r'RefilterHook\.selector.*warmup_epochs=3,.*train_cfg\.max_epochs=2',
        ),
    ],
)
def test_settings_that_refiltering_would_ignore(tmp_path, options, match):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path, train_cfg__max_epochs=2)
    cfg.custom_hooks = [dict(type='NoTraining')]
    cfg.default_hooks.noise_filter = dict(type='RefilterHook', **options)
    fails(cfg, ValueError, match)


SMALL = dict(type='SmallLoss', noise_ratio=0.4, warmup_epochs=5)


@pytest.mark.parametrize(
    ('config', 'options', 'text'),
    [
        (
            CONFIG,
            dict(model__detector__head__warmup_epochs=2),
            'model.detector.head.warmup_epochs=2, and only 1 epochs train the DualPromptHead',
        ),
        (
            CONFIG,
            dict(model__classifier__head__loss=SMALL),
            'model.classifier.head.loss_module.warmup_epochs=5, and only 1 epochs',
        ),
        (CONFIG, dict(noise_filter__detection_interval=2), 'more than detector_epochs=1: nothing'),
        (
            CONFIG,
            dict(model__classifier=None, noise_filter__keep_num_updates=True),
            'throughout: NoiseFilterHook.keep_num_updates.',
        ),
        (
            'gmm/gmm_digits_sym40.py',
            dict(noise_filter__begin=1),
            'begin=1 leaves no epoch of train_cfg.max_epochs=1',
        ),
        (
            'ce/ce_digits_sym40.py',
            dict(noise_filter=dict(type='RefilterHook', classifier_dataset=WEIGHTED)),
            'throughout: RefilterHook.classifier_dataset.',
        ),
    ],
)
def test_what_may_be_meant_is_warned_of_before_training(tmp_path, config, options, text):
    cfg = tiny(config, tmp_path)
    for key, value in options.items():
        prefix = 'default_hooks.' if key.startswith('noise_filter') else ''
        cfg.merge_from_dict({prefix + key.replace('__', '.'): value})
    cfg.custom_hooks = [dict(type='NoTraining')]
    with pytest.raises(AssertionError, match='training has started'):
        run(cfg)
    assert f'{text}' in next(tmp_path.glob('*/*.log')).read_text()


def test_scoring_settings_beside_a_selection_file_are_warned_of(cfg, tmp_path):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    path = write(tmp_path / 'selection.csv', dataset, np.arange(24) < 6)
    cfg.default_hooks.noise_filter.update(selection=path, limits=dict(max_rejected=0.5))
    with pytest.raises(AssertionError, match='training has started'):
        run(cfg)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'since NoiseFilterHook.selection is a file: NoiseFilterHook.' in log
    assert 'NoiseFilterHook.limits' in log


def test_scoring_without_validation_data_and_pipeline(cfg):
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    fails(cfg, ValueError, 'set its own `pipeline`')


def test_resume_from_a_run_of_another_kind(cfg, tmp_path):
    run(tiny('ce/ce_digits_sym40.py', tmp_path / 'ce'))
    cfg.resume, cfg.load_from = True, str(tmp_path / 'ce' / 'epoch_1.pth')
    fails(cfg, ValueError, 'not written by a run with NoiseFilterHook')


def test_resume_of_stage_one_alone_with_a_classifier(cfg, tmp_path):
    alone = tiny(CONFIG, tmp_path / 'alone')
    alone.model.classifier = None
    run(alone)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'alone' / 'epoch_1.pth')
    fails(cfg, ValueError, 'differ in whether there is a model.classifier.*noise_filter.selection')


def test_selection_of_nothing_stops_before_stage_two_and_leaves_its_scores(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='DualPromptSelector', threshold=0.999999)
    fails(cfg, ValueError, 'keeps none of the 24 samples.*Likely causes')
    assert (tmp_path / 'selection.csv').is_file()


def test_selection_of_everything_is_a_warning(tmp_path, caplog):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='DualPromptSelector', threshold=0.0)
    run(cfg)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'keeps ALL 24 samples' in log
