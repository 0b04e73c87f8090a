"""The tool that exports trained models, as a user runs it, and what others make of its files."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain import ImageClassificationInferencer
from PIL import Image, ImageOps

from deft_mm import WrongLabelInferencer
from deft_mm.datasets import DigitsDataset, class_names_of
from runner_utils import REPO
from tool_utils import tool

NAMES = class_names_of(DigitsDataset())
# Rows of predict.py have six places.
CLOSE = 1e-5
EMA = """
_base_ = {base!r}
custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.05)]
train_cfg = dict(max_epochs=2)
default_hooks = dict(noise_filter=dict(detector_epochs=1))
"""
SHORT = """
_base_ = {base!r}
train_cfg = dict(max_epochs=1)
"""
CROPS = """
_base_ = {base!r}
train_cfg = dict(max_epochs=1)
resize = dict(type='ResizeEdge', scale=37, backend='pillow', interpolation='bicubic')
pipeline = [resize, dict(type='CenterCrop', crop_size=32), dict(type='PackInputs')]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader
"""


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Files of several kinds and sizes."""
    folder = tmp_path_factory.mktemp('images')
    digits = DigitsDataset(split='test')
    for idx in range(5):
        Image.fromarray(digits.get_data_info(idx)['img']).save(folder / f'{idx}.png')
    draw = np.random.RandomState(0)
    photo = draw.randint(0, 255, (41, 60, 3), dtype=np.uint8)
    Image.fromarray(photo).save(folder / 'colour.png')
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(photo).save(folder / 'turned.jpg', exif=exif)
    return folder


@pytest.fixture(scope='module')
def deft(tmp_path_factory):
    """A run of one epoch a stage, with averaged weights."""
    return trained(tmp_path_factory.mktemp('deft'), EMA, 'deft/deft_digits_sym40.py')


@pytest.fixture(scope='module')
def ce(tmp_path_factory):
    """A baseline whose validation resizes an edge and crops."""
    return trained(tmp_path_factory.mktemp('ce'), CROPS, 'ce/ce_digits_sym40.py')


def trained(folder, text, base):
    config = folder / 'tiny.py'
    config.write_text(text.format(base=str(REPO / 'configs' / base)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        tool(monkeypatch, 'train.py', config, '--work-dir', folder / 'run')
    return folder / 'run'


@pytest.fixture(scope='module')
def two_networks(tmp_path_factory):
    """A run of Co-teaching."""
    folder = tmp_path_factory.mktemp('two_networks')
    return trained(folder, SHORT, 'co_teaching/co_teaching_digits_sym40.py')


@pytest.fixture
def export(monkeypatch, tmp_path):
    """Run the tool, which checks on data of validation; give the path of the file."""

    endings = dict(onnx='x.onnx', torchscript='x.pt', exported_program='x.pt2', checkpoint='x.pth')

    def export(checkpoint, to, *arguments, out=None):
        out = out or tmp_path / endings[to]
        tool(monkeypatch, 'export.py', checkpoint, '--to', to, '--out', out, *arguments)
        return out

    return export


@pytest.fixture
def predicted(monkeypatch, tmp_path, images):
    """What predict.py says of the images, (N, C)."""

    def predicted(checkpoint):
        out = tmp_path / 'predictions.csv'
        tool(monkeypatch, 'predict.py', checkpoint, images, '--top-k', 10, '--out', out)
        rows = list(csv.DictReader(out.read_text().splitlines()))
        assert [row['img_path'] for row in rows] == list(map(str, sorted(images.iterdir())))
        by_name = [{row[f'class_{k}']: row[f'prob_{k}'] for k in range(1, 11)} for row in rows]
        return np.array([[float(probs[name]) for name in NAMES] for probs in by_name])

    return predicted


def prepared(notes, folder) -> np.ndarray:
    """Images as the notes have them, with Pillow and NumPy alone."""
    return np.stack([prepare(notes, path) for path in sorted(folder.iterdir())])


def prepare(notes, path) -> np.ndarray:
    image = None
    for step in notes['preprocessing']:
        name = step['step']
        if name == 'decode':
            image = ImageOps.exif_transpose(Image.open(path)).convert('RGB')
        elif name in ('resize', 'resize_edge'):
            assert step['library'] == 'pillow'
            size = (step['width'], step['height']) if name == 'resize' else edge(image.size, step)
            image = image.resize(size, Image.Resampling[step['interpolation'].upper()])
        elif name == 'center_crop':
            left = max(0, round((image.width - step['width']) / 2))
            top = max(0, round((image.height - step['height']) / 2))
            image = image.crop((left, top, left + step['width'], top + step['height']))
        elif name == 'channels':
            image = np.asarray(image, np.float32)[:, :, :: 1 if step['order'] == 'RGB' else -1]
        elif name == 'normalize':
            image = (image - np.float32(step['mean'])) / np.float32(step['std'])
        else:
            assert name == 'layout'
            image = image.transpose(2, 0, 1)
    assert list(image.shape) == notes['input']['shape'][1:]
    return image.astype(notes['input']['dtype'])


def edge(size, step) -> tuple[int, int]:
    assert step['edge'] == 'short'
    width, height = size
    length = step['length']
    if width < height:
        return length, int(length * height / width)
    return int(length * width / height), length


def notes_of(path) -> dict:
    return json.loads(path.with_name(f'{path.name}.json').read_text())


@pytest.mark.parametrize('to', ['torchscript', 'exported_program', 'checkpoint'])
def test_two_networks_whose_loss_knows_the_epoch(export, two_networks, to):
    assert export(two_networks / 'epoch_1.pth', to).is_file()  # compared with PyTorch


@pytest.mark.parametrize('run', ['deft', 'ce'])
def test_notes_and_onnxruntime_alone_give_what_predict_says(
    run, request, export, predicted, images
):
    onnxruntime = pytest.importorskip('onnxruntime')
    checkpoint = sorted(request.getfixturevalue(run).glob('epoch_*.pth'))[-1]
    out = export(checkpoint, 'onnx')
    notes = notes_of(out)
    assert notes['class_names'] == NAMES and notes['checkpoint'] == checkpoint.name
    session = onnxruntime.InferenceSession(out, providers=['CPUExecutionProvider'])
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said['class_names']) == NAMES
    assert json.loads(said['preprocessing']) == notes['preprocessing']
    batch, expected = prepared(notes, images), predicted(checkpoint)
    for part in (slice(None), slice(0, 1), slice(2, 5)):  # a batch of any size
        (probs,) = session.run(['probs'], {'images': batch[part]})
        np.testing.assert_allclose(probs, expected[part], atol=CLOSE)
    assert np.ptp(expected, axis=0).max() > 1e-3  # images are told apart


@pytest.mark.parametrize('to', ['torchscript', 'exported_program'])
def test_pytorchs_own_formats_give_what_predict_says(to, deft, export, predicted, images):
    out = export(deft / 'epoch_2.pth', to, '--images', images / '0.png', images / 'colour.png')
    said = {'notes.json': ''}
    if to == 'torchscript':
        model = torch.jit.load(out, _extra_files=said)
    else:
        model = torch.export.load(out, extra_files=said).module()
    notes = notes_of(out)
    assert json.loads(said['notes.json']) == notes
    batch, expected = torch.from_numpy(prepared(notes, images)), predicted(deft / 'epoch_2.pth')
    for part in (slice(None), slice(0, 1)):
        np.testing.assert_allclose(model(batch[part])[0].numpy(), expected[part], atol=CLOSE)
    # What the program was made with, it holds.
    if to == 'exported_program':
        (example,), _ = torch.export.load(out).example_inputs
        assert not example.any() and example.untyped_storage().nbytes() == example.nbytes


def test_detector_has_its_texts_frozen_in(deft, export, images):
    onnxruntime = pytest.importorskip('onnxruntime')
    import onnx

    out = export(deft / 'epoch_1.pth', 'onnx', '--part', 'detector')
    weights = torch.load(deft / 'epoch_1.pth', weights_only=True)['state_dict']
    tower = sum(v.numel() for k, v in weights.items() if k.startswith('detector.backbone.'))
    graph = onnx.load(out).graph
    numbers = sum(int(np.prod(one.dims)) for one in graph.initializer)
    assert numbers < tower + 2 * 10 * 128 + 1000  # no text tower
    notes = notes_of(out)
    assert list(notes['outputs']) == ['probs', 'clean_probs'] and notes['part'] == 'detector'
    session = onnxruntime.InferenceSession(out, providers=['CPUExecutionProvider'])
    found = session.run(['probs', 'clean_probs'], {'images': prepared(notes, images)})
    inferencer = WrongLabelInferencer(deft / 'epoch_1.pth')
    paths = sorted(images.iterdir())
    rows = inferencer([(path, label) for path in paths for label in range(10)], batch_size=16)
    clean = np.array([row['clean_prob'] for row in rows]).reshape(-1, 10)
    np.testing.assert_allclose(found[1], clean, atol=CLOSE)
    assert np.ptp(clean) > 1e-3
    np.testing.assert_allclose(
        found[0].max(axis=1), [r['pred_score'] for r in rows[::10]], atol=CLOSE
    )
    assert found[0].argmax(axis=1).tolist() == [row['pred_label'] for row in rows[::10]]


@pytest.mark.parametrize('run', ['deft', 'ce'])
def test_deployment_checkpoint_is_the_classifier_alone(
    run, request, export, predicted, images, tmp_path
):
    checkpoint = sorted(request.getfixturevalue(run).glob('epoch_*.pth'))[-1]
    out = export(checkpoint, 'checkpoint', out=tmp_path / 'use' / 'model.pth')
    assert sorted(path.name for path in out.parent.iterdir()) == ['config.json', 'model.pth']
    assert out.stat().st_size < checkpoint.stat().st_size
    before, after = (torch.load(path, weights_only=True) for path in (checkpoint, out))
    assert after.keys() == {'state_dict', 'meta'}
    prefix = 'classifier.' if run == 'deft' else ''
    for name, value in after['state_dict'].items():
        assert torch.equal(value, before['state_dict'][prefix + name])
    moved = tmp_path / 'elsewhere'
    shutil.move(out.parent, moved)
    assert 'pretrained": null' in (moved / 'config.json').read_text()
    expected = predicted(checkpoint)
    np.testing.assert_allclose(predicted(moved / 'model.pth'), expected, atol=CLOSE)
    # Its config names no data: images to check with must be given.
    with pytest.raises(ValueError, match='name some with --images'):
        export(moved / 'model.pth', 'torchscript')
    export(moved / 'model.pth', 'torchscript', '--images', images)
    inferencer = ImageClassificationInferencer(
        Config.fromfile(moved / 'config.json'), str(moved / 'model.pth'), device='cpu'
    )
    # MMPretrain's own loader leaves EXIF to OpenCV, and decodes JPEG by another library.
    paths = [path for path in sorted(images.iterdir()) if path.suffix == '.png']
    rows = [sorted(images.iterdir()).index(path) for path in paths]
    found = inferencer(list(map(str, paths)))
    scores = np.stack([one['pred_scores'] for one in found])
    np.testing.assert_allclose(scores, expected[rows], atol=CLOSE)
    assert {one['pred_class'] for one in found} <= set(NAMES)


def test_averaged_weights_are_exported(deft, export, images, predicted, tmp_path):
    out = export(deft / 'epoch_2.pth', 'torchscript')
    checkpoint = torch.load(deft / 'epoch_2.pth', weights_only=True)
    raw = {
        name.removeprefix('module.'): value
        for name, value in checkpoint['ema_state_dict'].items()
        if name.startswith('module.')
    }
    other = tmp_path / 'raw'
    other.mkdir()
    shutil.copy(deft / 'config.json', other)
    torch.save(dict(state_dict=raw, meta=checkpoint['meta']), other / 'epoch_2.pth')
    batch = torch.from_numpy(prepared(notes_of(out), images))
    probs = torch.jit.load(out)(batch)[0].numpy()
    np.testing.assert_allclose(probs, predicted(deft / 'epoch_2.pth'), atol=CLOSE)
    assert np.abs(probs - predicted(other / 'epoch_2.pth')).max() > 1e-3


def test_what_cannot_be_exported_is_one_sentence_and_nothing_is_written(
    deft, ce, export, images, tmp_path, monkeypatch
):
    def refused(match, *arguments, error=ValueError, **options):
        with pytest.raises(error, match=match):
            export(*arguments, **options)
        assert not list(tmp_path.glob('x*'))

    to, checkpoint = 'torchscript', deft / 'epoch_2.pth'
    refused('epoch_1.pth was saved in stage 1', deft / 'epoch_1.pth', to)
    refused('without a detector .*leave --part out', ce / 'epoch_1.pth', to, '--part', 'detector')
    missing = (checkpoint, to, '--images', 'nowhere')
    refused("'nowhere' does not exist", *missing, error=FileNotFoundError)
    alone = tmp_path / 'run'
    alone.mkdir()
    shutil.copy(checkpoint, alone)
    content = json.loads((deft / 'config.json').read_text())
    loader = content['val_dataloader']
    loader['dataset'] |= dict(type='ImageFolderDataset', data_root='nowhere')
    loader['dataset'].pop('split', None)
    (alone / 'config.json').write_text(json.dumps(content))
    refused('those of the validation of .* cannot be had .*--images', alone / checkpoint.name, to)
    monkeypatch.setattr('deft_mm.deployment.graph_formats.TOLERANCE', -1)
    refused('differ from those of PyTorch by .*, and may differ by -1', checkpoint, to)


def test_nothing_is_written_over(deft, export, tmp_path):
    out = export(deft / 'epoch_2.pth', 'torchscript')
    content = out.read_bytes()
    with pytest.raises(ValueError, match="'.*x.pt' exists: remove it"):
        export(deft / 'epoch_2.pth', 'torchscript')
    out.unlink()
    with pytest.raises(ValueError, match="'.*x.pt.json' exists: remove it"):
        export(deft / 'epoch_2.pth', 'torchscript')
    config = (deft / 'config.json').read_bytes()
    with pytest.raises(ValueError, match="config.json' exists: remove it"):
        export(deft / 'epoch_2.pth', 'checkpoint', out=deft / 'new.pth')
    assert (deft / 'config.json').read_bytes() == config and content
    assert not (deft / 'new.pth').exists()


def test_missing_packages_are_told_before_anything_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(SystemExit) as end:
        tool(monkeypatch, 'export.py', 'no.pth', '--to', 'onnx')
    assert end.value.code == 2
    assert 'are not installed: pip install onnx onnxscript onnxruntime' in capsys.readouterr().err
