"""The command line tools, run as a user runs them."""

import mmengine
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain import ImageClassificationInferencer, get_model, init_model
from mmpretrain.registry import DATASETS, MODELS
from mmpretrain.structures import DataSample

from base_config_utils import miniature, move_data
from deft_mm.datasets import CleanSubset
from runner_utils import REPO, tiny
from tool_utils import tool

CONFIG = 'deft/deft_digits_sym40.py'


@pytest.fixture(scope='module')
def run_dir(tmp_path_factory):
    """A finished run and its config file."""
    work_dir = tmp_path_factory.mktemp('run')
    tiny(CONFIG, work_dir).dump(work_dir / 'config.py')
    with pytest.MonkeyPatch.context() as monkeypatch:
        tool(monkeypatch, 'train.py', work_dir / 'config.py')
    return work_dir


def test_checkpoint_evaluates_to_the_accuracy_that_training_printed(run_dir, tmp_path, monkeypatch):
    printed = mmengine.load(run_dir / 'summary.json')['epochs']
    for entry in printed:
        out = tmp_path / f'{entry["epoch"]}.json'
        checkpoint = run_dir / f'epoch_{entry["epoch"]}.pth'
        options = ['--work-dir', tmp_path, '--out', out, '--out-item', 'metrics']
        tool(monkeypatch, 'test.py', run_dir / 'config.py', checkpoint, *options)
        assert mmengine.load(out)['accuracy/top1'] == entry['metrics']['accuracy/top1']


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook')]], ids=['plain', 'EMA'])
def test_weights_alone_evaluate_to_the_same(run_dir, tmp_path, monkeypatch, hooks):
    content = torch.load(run_dir / 'epoch_2.pth', weights_only=True)
    torch.save(content['state_dict'], tmp_path / 'weights.pth')
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{run_dir / 'config.py'}'\ncustom_hooks = {hooks}\n")
    found = []
    for checkpoint in (run_dir / 'epoch_2.pth', tmp_path / 'weights.pth'):
        options = ['--out', tmp_path / 'out.json', '--out-item', 'metrics']
        tool(monkeypatch, 'test.py', config, checkpoint, '--work-dir', tmp_path, *options)
        found.append(mmengine.load(tmp_path / 'out.json'))
    assert found[0] == found[1]


def test_flip_tta_runs_on_a_finished_checkpoint(run_dir, tmp_path, monkeypatch):
    out = tmp_path / 'metrics.json'
    options = ['--work-dir', tmp_path, '--tta', '--out', out, '--out-item', 'metrics']
    tool(monkeypatch, 'test.py', run_dir / 'config.py', run_dir / 'epoch_2.pth', *options)
    assert 'accuracy/top1' in mmengine.load(out)


def test_flip_tta_averages_image_and_mirror_image_of_each_test_set(tmp_path, monkeypatch):
    cfg = tiny('ce/ce_webvision.py', tmp_path, made_up_images=False)
    with miniature('webvision', tmp_path / 'data') as root:
        move_data(cfg._cfg_dict, root)
    for part in cfg.test_dataloader.dataset.datasets:
        part.pipeline[-2].crop_size = 32  # what the tiny CLIP takes
    cfg.dump(tmp_path / 'config.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor)).eval()
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    out = tmp_path / 'predictions.pkl'
    options = ['--work-dir', tmp_path, '--tta', '--out', out]
    tool(monkeypatch, 'test.py', tmp_path / 'config.py', tmp_path / 'model.pth', *options)
    found = mmengine.load(out)
    assert [sample['dataset_name'] for sample in found] == ['webvision'] * 4 + ['ilsvrc12'] * 5
    for sample, predicted in zip(dataset, found, strict=True):
        scores = [
            model.test_step(dict(inputs=view[None], data_samples=[DataSample()]))[0].pred_score
            for view in (sample['inputs'], sample['inputs'].flip(-1))
        ]
        torch.testing.assert_close(predicted['pred_score'], sum(scores) / 2)


def test_tta_without_a_pipeline_is_an_error_that_says_so(run_dir, tmp_path, monkeypatch):
    cfg = mmengine.Config.fromfile(run_dir / 'config.py')
    cfg.test_dataloader.dataset.pop('pipeline')
    cfg.dump(tmp_path / 'config.py')
    options = ['--work-dir', tmp_path, '--tta']
    with pytest.raises(ValueError, match='--tta .* MadeUpImages has none'):
        tool(monkeypatch, 'test.py', tmp_path / 'config.py', run_dir / 'epoch_2.pth', *options)


def test_resume_without_a_path_goes_on_from_the_newest_checkpoint(run_dir, monkeypatch):
    longer = ['--cfg-options', 'train_cfg.max_epochs=3']
    tool(monkeypatch, 'train.py', run_dir / 'config.py', '--resume', *longer)
    epochs = [entry['epoch'] for entry in mmengine.load(run_dir / 'summary.json')['epochs']]
    assert epochs == [1, 2, 3]


def test_mmpretrain_loads_a_finished_checkpoint(run_dir):
    config, checkpoint = str(run_dir / 'config.py'), str(run_dir / 'epoch_2.pth')
    for model in (get_model(config, pretrained=checkpoint), init_model(config, checkpoint)):
        assert model.active_stage == 'classifier'
        image = np.zeros((32, 32, 3), dtype=np.uint8)
        prediction = ImageClassificationInferencer(model)(image)[0]
        assert prediction['pred_class'] == f'class {prediction["pred_label"]}'


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (['--amp'], ValueError, '--amp .* needs a GPU'),
        (['--resume', 'nowhere.pth'], FileNotFoundError, 'nowhere.pth does not exist'),
        (
            ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr={}'],
            ValueError,
            'base_batch_size',
        ),
    ],
)
def test_mistaken_option_gets_a_clear_error(run_dir, monkeypatch, options, error, match):
    monkeypatch.setattr('deft_mm.engine.launch.get_device', lambda: 'cpu')
    if 'auto_scale_lr={}' in options:
        cfg = mmengine.Config.fromfile(run_dir / 'config.py')
        cfg.pop('auto_scale_lr')
        cfg.dump(run_dir / 'no_base.py')
        with pytest.raises(error, match=match):
            tool(monkeypatch, 'train.py', run_dir / 'no_base.py', '--auto-scale-lr')
        return
    with pytest.raises(error, match=match):
        tool(monkeypatch, 'train.py', run_dir / 'config.py', *options)


def test_missing_config_and_checkpoint_are_named(run_dir, monkeypatch):
    with pytest.raises(FileNotFoundError, match='nowhere.py'):
        tool(monkeypatch, 'train.py', 'nowhere.py')
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        tool(monkeypatch, 'test.py', run_dir / 'config.py', 'nowhere.pth')


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (['--out', '{dir}'], r'predictions are written as \.pkl'),
        (['--out', '{dir}.pkl'], 'is a folder'),
        (['--out', 'x.json'], r'written as \.pkl, \.pickle: .*--out-item metrics'),
        (['--out', 'x.csv', '--out-item', 'metrics'], r'metrics are written as \.json, \.yaml'),
        (['--out', '{file}/x.pkl'], 'is a file, not a folder'),
        (['--show-dir', '{file}'], '--show-dir .* is a file, not a folder'),
    ],
)
def test_results_that_cannot_be_written_cost_no_test(
    run_dir, tmp_path, monkeypatch, options, match
):
    (tmp_path / 'a.pkl').mkdir()
    (tmp_path / 'file').write_text('mine')
    names = dict(dir=tmp_path / 'a', file=tmp_path / 'file')
    monkeypatch.chdir(tmp_path)
    options = [option.format(**names) for option in options]
    with pytest.raises(ValueError, match=match):
        # The config is not even read.
        tool(monkeypatch, 'test.py', 'nowhere.py', 'nowhere.pth', *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.pkl', 'file']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--interval', '0'], '--interval is 0: draw every n-th sample, 1 or more'),
        (['--wait-time', '-1'], '--wait-time is -1.0: give seconds'),
        (['--out-item', 'pred'], 'say where with --out FILE'),
    ],
)
def test_options_out_of_range_end_in_a_usage_message(monkeypatch, capsys, options, message):
    with pytest.raises(SystemExit):
        tool(monkeypatch, 'test.py', 'nowhere.py', 'nowhere.pth', *options)
    assert message in capsys.readouterr().err


@pytest.fixture
def resnet(run_dir, tmp_path):
    """MMPretrain's own ResNet-18 on the cleaned data of a run."""
    import mmpretrain
    from mmengine.config import Config

    configs = REPO.__class__(mmpretrain.__file__).parent / '.mim' / 'configs'
    stock = Config.fromfile(configs / 'resnet' / 'resnet18_8xb16_cifar10.py')
    data = Config.fromfile(run_dir / 'config.py')
    stock.custom_imports = data.custom_imports
    stock.work_dir = str(tmp_path)
    stock.train_dataloader = dict(
        data.train_dataloader,
        dataset=dict(
            type='CleanSubset',
            dataset=data.train_dataloader.dataset,
            selection=str(run_dir / 'selection.csv'),
        ),
    )
    stock.val_dataloader = stock.test_dataloader = data.val_dataloader
    stock.train_cfg.max_epochs = 1
    stock.dump(tmp_path / 'resnet.py')
    return tmp_path / 'resnet.py'


def test_stock_resnet_config_trains_on_the_cleaned_data(run_dir, resnet, monkeypatch):
    tool(monkeypatch, 'train.py', resnet)
    assert (resnet.parent / 'epoch_1.pth').is_file()
    cfg = mmengine.Config.fromfile(run_dir / 'config.py')
    dataset = CleanSubset(
        dict(cfg.train_dataloader.dataset), selection=str(run_dir / 'selection.csv')
    )
    assert 0 < len(dataset) <= 24


@pytest.mark.parametrize(
    'options, match',
    [
        (['optim_wrapper.optimizer.lr=1e30'], 'not finite'),
        (['train_dataloader.drop_last=True', 'train_dataloader.batch_size=64'], 'no batch|no iter'),
    ],
)
def test_stock_configs_have_the_guards(resnet, monkeypatch, options, match):
    with pytest.raises(ValueError, match=match):
        tool(monkeypatch, 'train.py', resnet, '--cfg-options', *options)
    assert not list(resnet.parent.glob('*.pth'))


def test_stock_config_refuses_the_checkpoint_of_another_model(run_dir, resnet, monkeypatch):
    with pytest.raises(ValueError, match='another model'):
        tool(monkeypatch, 'test.py', resnet, run_dir / 'epoch_2.pth')
