"""What is to be seen on an image is seen, in whichever format it comes."""

import io

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets import ImageFolderDataset
from deft_mm.datasets.own_images.decoding import decode_image

# From dark to bright, and different in each corner.
GREY = np.add.outer(np.linspace(30, 120, 24), np.linspace(0, 100, 32)).round().astype(np.uint8)
EXIF_OF_A_QUARTER_TURN = 6


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(dtype, factor: float = 1) -> Image.Image:
    return Image.fromarray((GREY.astype(np.float64) * factor).astype(dtype))


def in_alpha(ink: int) -> Image.Image:
    """The picture in the alpha channel alone, under one colour."""
    image = Image.new('RGBA', GREY.T.shape, (ink, ink, ink, 0))
    image.putalpha(Image.fromarray(GREY if ink else 255 - GREY))
    return image


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = EXIF_OF_A_QUARTER_TURN
    return encoded(grey(np.uint8).rotate(90, expand=True), 'PNG', exif=exif)


RGB = Image.fromarray(GREY).convert('RGB')
# Contents, and how far grey values may be from those of 8 bits.
EXACT = {
    'grey png': encoded(grey(np.uint8), 'PNG'),
    'rgb png': encoded(RGB, 'PNG'),
    'opaque rgba': encoded(RGB.convert('RGBA'), 'PNG'),
    'palette': encoded(grey(np.uint8).convert('P'), 'PNG'),
    'bmp': encoded(RGB, 'BMP'),
    'tiff': encoded(RGB, 'TIFF'),
    'cmyk tiff': encoded(RGB.convert('CMYK'), 'TIFF'),
    'lossless webp': encoded(RGB, 'WEBP', lossless=True),
    'turned': turned(),
}
UNUSUAL = {
    '16 bits of all': encoded(grey(np.uint16, 257), 'PNG'),
    '12 bits of 16': encoded(grey(np.uint16, 4095 / 255), 'PNG'),
    '16 bits, tiff': encoded(grey(np.uint16, 257), 'TIFF'),
    'integers': encoded(grey(np.int32, 257), 'TIFF'),
    'fractions': encoded(grey(np.float32, 1 / 255), 'TIFF'),
    'floats to 255': encoded(grey(np.float32), 'TIFF'),
    'black ink in alpha': encoded(in_alpha(0), 'PNG'),
    'white ink in alpha': encoded(in_alpha(255), 'PNG'),
}
LOSSY = {
    'jpeg': encoded(RGB, 'JPEG', quality=95),
    'progressive jpeg': encoded(RGB, 'JPEG', quality=95, progressive=True),
    'cmyk jpeg': encoded(RGB.convert('CMYK'), 'JPEG', quality=95),
    'webp': encoded(RGB, 'WEBP', quality=95),
}


@pytest.mark.parametrize('name', [*EXACT, *UNUSUAL, *LOSSY])
def test_every_format_shows_the_same(name):
    image = decode_image((EXACT | UNUSUAL | LOSSY)[name])
    assert image.pixels.dtype == np.uint8 and image.pixels.shape == (*GREY.shape, 3)
    difference = np.abs(image.pixels.astype(int) - GREY[..., None]).max()
    assert difference <= (0 if name in EXACT else 1 if name in UNUSUAL else 8)
    assert bool(image.unusual) == (name in UNUSUAL) and not image.is_flat


def test_colours_are_in_the_order_of_mmcv():
    red = Image.new('RGB', (2, 2), (200, 100, 50))
    for image in (red, red.convert('RGBA')):
        assert decode_image(encoded(image, 'PNG')).pixels[0, 0].tolist() == [50, 100, 200]


@pytest.mark.parametrize(
    'values', [[0, 0], [70000, 70000], [9, 70000], [-5, 5], [np.nan, 1], [np.inf, 3]]
)
def test_grey_values_of_any_size_are_in_range(values):
    dtype = np.int32 if np.isfinite(values).all() else np.float32
    pixels = np.repeat(np.array([values], dtype=dtype), 4, axis=0)
    image = decode_image(encoded(Image.fromarray(pixels), 'TIFF'))
    assert image.is_flat == (values[0] == values[1])
    if np.isfinite(values).all():
        assert image.pixels.min() == 0 and image.pixels.max() in (0, 255)


def folder(tmp_path, contents: dict[str, bytes], per_class: int = 12):
    for name in ('bone', 'lung'):
        (tmp_path / name).mkdir()
        for i, (kind, content) in enumerate(list(contents.items()) * per_class):
            suffix = Image.open(io.BytesIO(content)).format.lower()
            (tmp_path / name / f'{kind}{i}.{suffix}').write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ('loader', 'noted'),
    [('LoadImageOfAnyKind', False), ('LoadImageFromFile', True), ('FastLoadImageFromFile', True)],
)
def test_the_report_has_them_and_a_pipeline_that_clips_them_is_told(tmp_path, loader, noted):
    root = folder(tmp_path, UNUSUAL, per_class=2)
    dataset = ImageFolderDataset(str(root), val_path='.', pipeline=[dict(type=loader)])
    kinds = [problem.kind for problem in dataset.report.problems]
    assert kinds.count('unusual image') == 2 * 2 * len(UNUSUAL)
    assert any('shows unusual images clipped' in note for note in dataset.report.notes) == noted
    if not noted:
        images = [dataset[idx]['img'] for idx in range(len(dataset))]
        assert all(np.abs(image.astype(int) - GREY[..., None]).max() <= 1 for image in images)


def test_images_of_one_colour_are_told_and_stop_where_most_are(tmp_path):
    flat = {f'flat{i}': encoded(Image.new('L', (8, 8), i), 'PNG') for i in range(3)}
    for part, contents, number in (('few', {**flat, **EXACT}, 2), ('most', flat, 4)):
        (tmp_path / part).mkdir()
        folder(tmp_path / part, contents, number)
    problems = ImageFolderDataset(str(tmp_path / 'few'), val_path='.').report.problems
    assert [problem.kind for problem in problems].count('image of one colour') == 12
    root = str(tmp_path / 'most')
    with pytest.raises(ValueError, match='24 of the 24 images of .* are of one colour'):
        ImageFolderDataset(root, val_path='.')
    assert len(ImageFolderDataset(root, val_path='.', check_images=False)) == 24
