"""``compile=True`` changes speed, and nothing else."""

import pytest
import torch
from process_utils import run_tool
from torch._dynamo.utils import counters

from runner_utils import run, same_state, scalars, tiny

CONFIG = 'deft/deft_digits_sym40.py'
STAGES = dict(train_cfg__max_epochs=4, default_hooks__noise_filter__detector_epochs=2)

pytestmark = pytest.mark.skipif(
    not hasattr(torch.nn.Module, 'compile'), reason='this PyTorch compiles no module in place'
)


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    torch.compiler.reset()
    counters.clear()


def small(work_dir, **options):
    """A config whose towers are compiled as far as the graphs; of one block, to be quick."""
    cfg = tiny(CONFIG, work_dir, num_samples=14, **STAGES, **options)
    for model in (cfg.model.detector, cfg.model.classifier):
        model.backbone.clip.model.vision_cfg.layers = 1
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.compile = dict(backend='eager')
    return cfg


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A compiled run of both stages, and how many graphs it made."""
    torch.compiler.reset()
    counters.clear()
    work_dir = tmp_path_factory.mktemp('whole')
    runner = run(small(work_dir, default_hooks__checkpoint__max_keep_ckpts=-1))
    return runner, work_dir, counters['stats']['unique_graphs']


def test_each_stage_compiles_one_graph_for_training_and_one_for_evaluation(whole):
    # Not one for every size of a batch (4, 2 and 3). The scoring pass takes one more, since it asks
    # for the feature before the projection, too, by which images are compared.
    assert whole[2] == 5


def test_compiled_run_equals_an_ordinary_one(whole, tmp_path):
    runner, work_dir, _ = whole
    cfg = small(tmp_path)
    cfg.compile = False
    ordinary = run(cfg)
    assert counters['stats']['unique_graphs'] == 0
    one, two = runner.model.state_dict(), ordinary.model.state_dict()
    assert one.keys() == two.keys()  # and no `_orig_mod` among them
    for name in one:
        torch.testing.assert_close(one[name], two[name])
    assert [line['lr'] for line in scalars(work_dir)] == [line['lr'] for line in scalars(tmp_path)]


@pytest.mark.parametrize('epoch', [1, 3])
def test_compiled_resume_in_either_stage_equals_uninterrupted_run(whole, tmp_path, epoch):
    cfg = small(tmp_path)
    cfg.resume, cfg.load_from = True, str(whole[1] / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert counters['stats']['unique_graphs'] == (5 if epoch == 1 else 2)
    assert same_state(whole[0].model.state_dict(), resumed.model.state_dict())


def test_compiled_distributed_run_equals_one_of_a_single_process(whole, tmp_path):
    small(tmp_path / 'run').dump(tmp_path / 'config.py')
    run_tool('train.py', [tmp_path / 'config.py'], tmp_path, processes=1)
    found = torch.load(tmp_path / 'run' / 'epoch_4.pth', weights_only=True)['state_dict']
    expected = whole[0].model.state_dict()
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name])


def test_two_processes_train_compiled_towers_of_several_gradient_buckets(tmp_path):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path / 'run', num_samples=14)
    # A block of this width has 3 MiB, so that buckets end within both.
    vision = cfg.model.backbone.clip.model.vision_cfg
    vision.update(width=256, head_width=64, layers=2)
    cfg.model.head.in_channels = 256
    cfg.model_wrapper_cfg.bucket_cap_mb = 3
    cfg.compile = dict(backend='aot_eager')
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.dump(tmp_path / 'config.py')
    run_tool('train.py', [tmp_path / 'config.py'], tmp_path)
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


@pytest.mark.parametrize(
    ('value', 'error', 'match'),
    [
        ('inductor', TypeError, "compile='inductor': it is True, False or a dict"),
        (dict(backend='no such'), ValueError, "compile=.*does not take.*'no such'"),
    ],
)
def test_mistaken_option_is_one_error(tmp_path, value, error, match):
    cfg = small(tmp_path)
    cfg.compile = value
    with pytest.raises(error, match=match):
        run(cfg)
