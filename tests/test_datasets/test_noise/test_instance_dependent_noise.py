import numpy as np
import pytest
from mmpretrain.datasets import BaseDataset
from PIL import Image

from deft_mm.datasets import DigitsDataset, InstanceDependentNoise, transition_matrix
from deft_mm.datasets.noise import instance_dependent_noise
from deft_mm.datasets.noise.image_pixels import ImagePixels
from tests.test_datasets.dataset_utils import folder_dataset, image_folder
from tests.test_datasets.test_noise.noise_utils import (
    assert_deterministic,
    golden,
    refuses_bad_ratios,
)


class GoldenImages(BaseDataset):
    """The golden pixels, computed when they are asked for, stored as MMPretrain stores CIFAR."""

    def load_data_list(self):
        return [dict(gt_label=0)] * 50_000

    def get_data_info(self, idx):
        j = np.arange(3072)
        pixels = (idx * 31 + j * 17 + (idx * j) % 251) % 256
        return dict(img=pixels.astype(np.uint8).reshape(3, 32, 32).transpose(1, 2, 0))


class Images(BaseDataset):
    """Given images, of whatever kind."""

    def __init__(self, images, **kwargs):
        self.images = images
        super().__init__(ann_file='', serialize_data=False, **kwargs)

    def load_data_list(self):
        return [dict(img=image, gt_label=0) for image in self.images]


def random_images(num: int, *shape: int) -> list[np.ndarray]:
    return list(np.random.RandomState(0).randint(0, 256, (num, *shape)).astype(np.uint8))


def many_digits() -> tuple[np.ndarray, DigitsDataset]:
    digits = DigitsDataset(serialize_data=False)
    return np.array(digits.get_gt_labels()), digits


@pytest.mark.parametrize(('key', 'ratio'), [('cifar10/idn0.2', 0.2), ('cifar100/idn0.4', 0.4)])
def test_equals_the_paper_within_a_thousandth_of_the_labels(key, ratio):
    labels, num_classes, expected = golden(key)
    dataset = GoldenImages(ann_file='', serialize_data=False)
    noisy = InstanceDependentNoise(ratio)(labels, num_classes, dataset=dataset)
    assert np.mean(noisy != expected) <= 0.001


@pytest.mark.parametrize('ratio', [0.1, 0.5])
def test_realised_rate_is_the_ratio_in_every_class(ratio):
    labels, digits = many_digits()
    matrix = transition_matrix(labels, InstanceDependentNoise(ratio)(labels, 10, digits), 10)
    np.testing.assert_allclose(1 - np.diag(matrix), ratio, atol=0.12)
    assert np.mean(1 - np.diag(matrix)) == pytest.approx(ratio, abs=0.03)


def test_vectorised_draws_equal_random_choice_one_by_one():
    rng = np.random.RandomState(5)
    scores = (3 * rng.standard_normal((200, 7))).astype(np.float32)
    flip_rates = rng.random_sample(200)
    drawn = instance_dependent_noise.draw_labels(
        scores, 2, flip_rates, np.random.RandomState(9).random_sample(200)
    )
    choose = np.random.RandomState(9)
    for row, rate, label in zip(scores, flip_rates, drawn, strict=True):
        others = np.exp(np.delete(row, 2).astype(np.float64))
        p = np.insert(rate * others / others.sum(), 2, 1 - rate)
        assert choose.choice(7, p=p) == label


def test_the_wrong_class_depends_on_the_image():
    labels = np.zeros(200, dtype=np.int64)
    one, two = random_images(2, 8, 8, 3)
    noisy = InstanceDependentNoise(0.9)(labels, 20, Images([one] * 100 + [two] * 100))
    # Scores over so many pixels differ by far, so that each image has one wrong class.
    wrong = [set(part[part != 0].tolist()) for part in (noisy[:100], noisy[100:])]
    assert len(wrong[0]) == len(wrong[1]) == 1 and wrong[0] != wrong[1]


def test_images_are_read_once_in_chunks_and_chunks_make_no_difference(monkeypatch):
    labels, digits = many_digits()
    whole = InstanceDependentNoise(0.4)(labels, 10, digits)
    read, seen = ImagePixels.read, []

    def spy(self, indices):
        seen.append(list(indices))
        return read(self, indices)

    monkeypatch.setattr(ImagePixels, 'read', spy)
    monkeypatch.setattr(instance_dependent_noise, 'CHUNK', 50)
    np.testing.assert_array_equal(InstanceDependentNoise(0.4)(labels, 10, digits), whole)
    assert max(map(len, seen)) == 50
    assert sorted(sum(seen, [])) == list(range(len(labels)))


def test_larger_images_and_files_are_resized_to_32_pixels_a_side(tmp_path):
    images = random_images(12, 40, 61, 3)
    (tmp_path / 'class_0').mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / 'class_0' / f'{i:02}.png')
    small = [
        np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))
        for image in images
    ]
    pixels = [
        ImagePixels(dataset).read(range(12))
        for dataset in (Images(small), Images(images), folder_dataset(tmp_path))
    ]
    assert pixels[0].shape == (12, 3 * 32 * 32) and pixels[0].dtype == np.float32
    np.testing.assert_array_equal(pixels[0][0, :32], small[0][0, :, 0])
    np.testing.assert_array_equal(pixels[0], pixels[1])
    np.testing.assert_array_equal(pixels[0], pixels[2])


def test_small_and_grey_images_in_memory_are_taken_as_they_are():
    for shape in ((28, 28), (28, 28, 1)):
        images = random_images(3, *shape)
        pixels = ImagePixels(Images(images)).read([2, 0])
        np.testing.assert_array_equal(pixels, [images[2].ravel(), images[0].ravel()])


def test_same_seed_draws_the_same_and_leaves_other_generators_and_the_input_alone():
    labels, digits = many_digits()
    assert_deterministic(lambda seed: InstanceDependentNoise(0.5, seed), labels, 10, digits)


def test_ratio_outside_0_to_1_is_refused():
    refuses_bad_ratios(InstanceDependentNoise)


def test_images_that_do_not_fit_are_named(tmp_path):
    noise, labels = InstanceDependentNoise(0.4), np.zeros(3, dtype=np.int64)
    colour, grey = random_images(1, 8, 8, 3)[0], random_images(1, 8, 8)[0]
    with pytest.raises(ValueError, match='`dataset` is needed'):
        noise(labels, 3)
    with pytest.raises(ValueError, match='two classes or more'):
        noise(labels, 1, Images([colour] * 3))
    with pytest.raises(ValueError, match='Sample 1 has an image of 1 channels'):
        noise(labels, 3, Images([colour, grey, colour]))
    with pytest.raises(ValueError, match='Sample 0 .*uint8'):
        noise(labels, 3, Images([colour / 255] * 3))
    with pytest.raises(ValueError, match='neither `img` nor `img_path`'):
        noise(labels, 3, Images([None] * 3))
    folder = folder_dataset(image_folder(tmp_path, 1, 3))
    (tmp_path / 'class_0' / '2.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match=r'2\.png.*sample 2.*cannot be read'):
        noise(labels, 3, folder)


def test_progress_is_logged_with_the_time_left(progress_lines):
    digits = DigitsDataset(indices=30, serialize_data=False)
    labels = np.repeat([0, 1, 2], 10)
    InstanceDependentNoise(0.4)(labels, 10, digits)
    assert [line.split(' samples')[0] for line in progress_lines] == [
        'Drew noisy labels of 10 of 30',
        'Drew noisy labels of 20 of 30',
    ]
