"""One optimiser a stage, shared keys for all of them."""

import pytest
import torch
from torch import nn

from deft_mm.engine import StageOptimWrapperConstructor

HAS_FUSED_SGD = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 4)


class TwoStages(nn.Module):
    def __init__(self, classifier: bool = True):
        super().__init__()
        self.detector = nn.Linear(3, 2)
        self.classifier = nn.Linear(3, 2) if classifier else None


def config(**shared):
    return dict(
        detector=dict(optimizer=dict(type='SGD', lr=0.03, momentum=0.9)),
        classifier=dict(optimizer=dict(type='SGD', lr=5e-4)),
        **shared,
    )


def test_shared_keys_reach_every_stage_and_a_stages_own_win():
    cfg = config(clip_grad=dict(max_norm=1.0), accumulative_counts=2)
    cfg['classifier']['accumulative_counts'] = 3
    wrapper = StageOptimWrapperConstructor(cfg)(TwoStages())
    assert wrapper['detector'].clip_grad_kwargs == wrapper['classifier'].clip_grad_kwargs
    assert wrapper['detector']._accumulative_counts == 2
    assert wrapper['classifier']._accumulative_counts == 3


def test_each_optimiser_holds_its_own_stage():
    model = TwoStages()
    wrapper = StageOptimWrapperConstructor(config())(model)
    for stage in ('detector', 'classifier'):
        held = {id(p) for group in wrapper[stage].param_groups for p in group['params']}
        assert held == {id(p) for p in getattr(model, stage).parameters()}


def test_reported_rate_is_that_of_the_active_stage():
    wrapper = StageOptimWrapperConstructor(config())(TwoStages())
    assert wrapper.get_lr() == dict(lr=[0.03])
    wrapper.active = 'classifier'
    assert wrapper.get_lr() == dict(lr=[5e-4])


def test_model_without_classifier_needs_no_optimiser_for_it():
    cfg = config()
    del cfg['classifier']
    assert list(StageOptimWrapperConstructor(cfg)(TwoStages(classifier=False)).keys()) == [
        'detector'
    ]


def test_missing_optimiser_is_named():
    cfg = config()
    del cfg['classifier']
    with pytest.raises(ValueError, match=r'optim_wrapper\.classifier\.optimizer is missing'):
        StageOptimWrapperConstructor(cfg)(TwoStages())


def test_classifier_that_trains_nothing_is_refused():
    model = TwoStages()
    model.classifier.requires_grad_(False)
    with pytest.raises(ValueError, match=r'model\.classifier has no trainable parameter'):
        StageOptimWrapperConstructor(config())(model)


def test_detector_taken_as_it_is_has_no_optimiser():
    model = TwoStages()
    model.detector.requires_grad_(False)
    assert list(StageOptimWrapperConstructor(config())(model).keys()) == ['classifier']


def test_model_of_which_nothing_is_trained_is_refused():
    model = TwoStages()
    model.detector.requires_grad_(False)
    model.classifier = None
    with pytest.raises(ValueError, match='nothing to train'):
        StageOptimWrapperConstructor(config())(model)


def test_paramwise_options_are_shared():
    wrapper = StageOptimWrapperConstructor(
        dict(
            detector=dict(optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1)),
            classifier=dict(optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1)),
        ),
        paramwise_cfg=dict(bias_decay_mult=0.0),
    )(TwoStages())
    for stage in ('detector', 'classifier'):
        decays = {g['params'][0].ndim: g['weight_decay'] for g in wrapper[stage].param_groups}
        assert (decays[2], decays[1]) == (0.1, 0.0)  # matrix, bias
    assert isinstance(wrapper['detector'].optimizer, torch.optim.SGD)


def steps(wrapper, model: nn.Module, n: int = 5) -> None:
    """Train both children of a model on made-up numbers."""
    for stage, child in model.named_children():
        for i in range(n):
            inputs = torch.linspace(-1, 1, 3) * (i + 1)
            wrapper[stage].update_params(child(inputs).square().sum())


@pytest.mark.skipif(not HAS_FUSED_SGD, reason='this PyTorch has no fused SGD for the CPU')
@pytest.mark.parametrize('kind', ['SGD', 'AdamW'])
def test_fused_kernel_is_taken_where_there_is_one_and_changes_rounding_only(kind):
    results = []
    for options in ({}, dict(fused=False), dict(foreach=False)):
        torch.manual_seed(0)
        model = TwoStages()
        cfg = config()
        for stage in ('detector', 'classifier'):
            cfg[stage]['optimizer'] = dict(type=kind, lr=0.01, weight_decay=0.1, **options)
        wrapper = StageOptimWrapperConstructor(cfg)(model)
        found = {group['fused'] for stage in wrapper.values() for group in stage.param_groups}
        assert found == {options.get('fused', None if options else True)}
        steps(wrapper, model)
        results.append(model.state_dict())
    for name, value in results[0].items():
        torch.testing.assert_close(value, results[1][name])


def test_optimiser_without_a_fused_kernel_is_left_as_it_is():
    cfg = config()
    cfg['detector']['optimizer'] = dict(type='Rprop', lr=0.01)
    wrapper = StageOptimWrapperConstructor(cfg)(TwoStages())
    assert 'fused' not in wrapper['detector'].param_groups[0]


@pytest.mark.skipif(not HAS_FUSED_SGD, reason='this PyTorch has no fused SGD for the CPU')
@pytest.mark.parametrize('saved', [True, False])
def test_resumed_optimiser_is_fused_if_this_config_says_so(saved):
    wrappers = []
    for fused in (saved, not saved):
        cfg = config()
        for stage in ('detector', 'classifier'):
            cfg[stage]['optimizer']['fused'] = fused
        torch.manual_seed(0)
        model = TwoStages()
        wrappers.append((StageOptimWrapperConstructor(cfg)(model), model))
    steps(*wrappers[0])
    wrappers[1][0].load_state_dict(wrappers[0][0].state_dict())
    resumed, model = wrappers[1]
    assert {g['fused'] for stage in resumed.values() for g in stage.param_groups} == {not saved}
    assert resumed['detector'].param_groups[0]['lr'] == 0.03
    state = resumed['detector'].optimizer.state[model.detector.weight]
    expected = wrappers[0][0]['detector'].optimizer.state[wrappers[0][1].detector.weight]
    assert torch.equal(state['momentum_buffer'], expected['momentum_buffer'])
    steps(resumed, model)  # runs, whichever kernel the checkpoint was saved with


@pytest.mark.parametrize('key', ['optimizer', 'clip_grad', 'type'])
def test_a_shared_key_without_an_effect_is_refused(key):
    both = dict(optimizer=dict(type='SGD', lr=0.1), clip_grad=dict(max_norm=1), type='OptimWrapper')
    shared = {key: both[key]}
    match = rf'optim_wrapper\.{key} has no effect.*set optim_wrapper\.detector\.{key} and '
    with pytest.raises(ValueError, match=match):
        StageOptimWrapperConstructor(dict(shared, detector=both, classifier=both))
    # of one of them it is the default
    StageOptimWrapperConstructor(dict(shared, detector=both, classifier={}))
