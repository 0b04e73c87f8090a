import io
import os

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets.own_images import check_images
from deft_mm.datasets.own_images.image_check import CheckedImage


def image(kind: str, seed: int = 0, mode: str = 'RGB') -> bytes:
    pixels = np.random.RandomState(seed).randint(0, 256, (40, 50, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def check(tmp_path, *contents: bytes, **options) -> list[CheckedImage]:
    for i, content in enumerate(contents):
        (tmp_path / f'{i}.jpg').write_bytes(content)
    return check_images([str(tmp_path / f'{i}.jpg') for i in range(len(contents))], **options)


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF', 'PPM'])
def test_image_with_its_end_cut_off_is_found(tmp_path, kind):
    whole, cut = check(tmp_path, image(kind), image(kind)[:-500])
    assert whole.error is None
    assert cut.error


def test_image_damaged_in_its_middle_is_found(tmp_path):
    content = bytearray(image('PNG'))
    content[len(content) // 2] ^= 255
    assert check(tmp_path, bytes(content))[0].error


def test_files_that_are_no_images_are_found(tmp_path):
    results = check(tmp_path, b'', b'some text', image('PNG'))
    assert [result.error is None for result in results] == [False, False, True]
    assert 'cannot identify' in results[1].error and '0x' not in results[1].error


def test_missing_file_is_found(tmp_path):
    assert check_images([str(tmp_path / 'nowhere.jpg')], decode=False)[0].error


@pytest.mark.parametrize('mode', ['L', 'P', 'LA', 'RGBA', '1'])
def test_image_that_is_not_rgb_is_no_problem(tmp_path, mode):
    assert check(tmp_path, image('PNG', mode=mode))[0].error is None


def test_only_files_of_equal_size_are_compared(tmp_path):
    one, two = image('BMP', 1), image('BMP', 2)
    assert len(one) == len(two)
    digests = [result.digest for result in check(tmp_path, one, two, one, image('PNG'))]
    assert digests[0] == digests[2] != digests[1] is not None
    assert digests[3] is None


def test_a_file_that_is_repaired_is_checked_anew(tmp_path):
    whole = image('PNG')
    damaged = whole[:-500] + bytes(500)
    assert check(tmp_path, damaged)[0].error
    path = tmp_path / '0.jpg'
    path.write_bytes(whole)
    os.utime(path, ns=(0, 0))  # a clock of a file system may be too coarse for a test
    assert check_images([str(path)])[0].error is None


def test_without_decoding_copies_are_still_found(tmp_path):
    one, two = check(tmp_path, b'no image', b'no image', decode=False)
    assert one.error is two.error is None
    assert one.digest == two.digest is not None


def test_progress_is_logged_with_the_time_left(tmp_path, progress_lines):
    check(tmp_path, image('PNG', 1), image('PNG', 2), b'no image', image('PNG', 3))
    assert [line.split(' images')[0] for line in progress_lines] == [
        f'Checked {done} of 4' for done in (1, 2, 3)
    ]
    assert all(line.endswith(' s left.') for line in progress_lines)
