"""FastLoadImageFromFile gives what LoadImageFromFile gives, whichever decoder there is."""

from __future__ import annotations

import io
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest
from mmpretrain.registry import TRANSFORMS
from PIL import Image

from deft_mm.datasets.transforms.fast_load_image_from_file import turbojpeg

PIXELS = np.random.RandomState(0).randint(0, 256, (12, 20, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def fresh_decoder():
    turbojpeg.cache_clear()
    yield
    turbojpeg.cache_clear()


@pytest.fixture
def decoded(monkeypatch) -> list:
    """PyTurboJPEG, or what stands in for it: OpenCV has libjpeg-turbo inside."""
    calls = []

    class TurboJPEG:
        def decode(self, content: bytes) -> np.ndarray:
            if b'CMYK' in content or not content.startswith(b'\xff\xd8'):
                raise OSError('Unsupported color conversion request')
            calls.append(len(content))
            return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_IGNORE_ORIENTATION | 1)

    module = ModuleType('turbojpeg')
    module.TurboJPEG = TurboJPEG
    monkeypatch.setitem(sys.modules, 'turbojpeg', module)
    return calls


def jpeg(**options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format='JPEG', **options)
    return buffer.getvalue()


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    return jpeg(exif=exif)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format='PNG')
    return buffer.getvalue()


def load(name: str, path, **options) -> dict | None:
    return TRANSFORMS.build(dict(type=name, **options))(dict(img_path=str(path), gt_label=1))


@pytest.mark.parametrize(
    ('content', 'name', 'is_fast'),
    [
        (jpeg(), 'a.jpg', True),
        (jpeg(), 'a.JPEG', True),
        (rotated(), 'a.jpg', False),
        (png(), 'a.png', False),
        (png(), 'a.JPEG', False),  # one of ImageNet's files
        (jpeg(comment=b'CMYK'), 'a.jpg', False),
    ],
)
@pytest.mark.parametrize('options', [{}, dict(to_float32=True)])
def test_image_is_the_same_and_fast_where_that_is_safe(
    tmp_path, decoded, content, name, is_fast, options
):
    (tmp_path / name).write_bytes(content)
    plain = load('LoadImageFromFile', tmp_path / name, **options)
    fast = load('FastLoadImageFromFile', tmp_path / name, **options)
    assert fast.keys() == plain.keys() and fast['img_shape'] == plain['img_shape']
    assert fast['img'].dtype == plain['img'].dtype and np.array_equal(fast['img'], plain['img'])
    assert len(decoded) == is_fast


def test_grey_images_are_left_to_mmpretrain(tmp_path, decoded):
    (tmp_path / 'a.jpg').write_bytes(jpeg())
    fast = load('FastLoadImageFromFile', tmp_path / 'a.jpg', color_type='grayscale')
    assert fast['img'].shape == (12, 20) and not decoded


@pytest.mark.parametrize('ignore_empty', [False, True])
@pytest.mark.parametrize('content', [None, b'', b'no image', jpeg()[:300]])
def test_unreadable_image_is_treated_as_by_mmpretrain(tmp_path, decoded, content, ignore_empty):
    path = tmp_path / 'a.jpg'
    if content is not None:
        path.write_bytes(content)
    plain = outcome('LoadImageFromFile', path, ignore_empty)
    assert outcome('FastLoadImageFromFile', path, ignore_empty) == plain
    assert not decoded


def outcome(name: str, path, ignore_empty: bool):
    """None, or the error."""
    try:
        return load(name, path, ignore_empty=ignore_empty)
    except Exception as error:
        return type(error), str(error)


def test_without_the_decoder_it_works_and_says_so_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'turbojpeg', None)
    (tmp_path / 'a.jpg').write_bytes(jpeg())
    for _ in range(2):
        fast = load('FastLoadImageFromFile', tmp_path / 'a.jpg')
    assert np.array_equal(fast['img'], load('LoadImageFromFile', tmp_path / 'a.jpg')['img'])
    assert capsys.readouterr().out.count('JPEG files are decoded by OpenCV') == 1


def test_sample_that_has_its_image_passes_through():
    results = dict(img=PIXELS)
    assert TRANSFORMS.build(dict(type='FastLoadImageFromFile'))(results)['img'] is PIXELS
