"""Instance-dependent label noise: which class a sample is mistaken for depends on its image."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS
from scipy.stats import truncnorm

from deft_mm.datasets.noise.image_pixels import ImagePixels
from deft_mm.datasets.noise.label_noise import RatioNoise
from deft_mm.progress import Progress

FLIP_RATE_STD = 0.1
# Samples whose pixels and scores are in memory at a time.
CHUNK = 1024


@TASK_UTILS.register_module()
class InstanceDependentNoise(RatioNoise):
    """Draw a wrong label that depends on the pixels of the image.

    The model of Xia et al., "Part-dependent Label Noise", NeurIPS 2020 (arXiv 2006.07836), as in
    the experiments of DeFT (arXiv 2409.19696), in this order:

    1. The flip rate q of each sample, from a normal distribution of mean ``ratio`` and standard
       deviation 0.1, truncated to [0, 1]. (A ``ratio`` near 0 or 1 thus gives a somewhat larger or
       smaller rate.)
    2. W, C x D x C standard normal values, for the D pixel values of an image, 0..255, flattened
       channel first: 3*32*32 for CIFAR. Larger images and image files are resized to 32x32; see
       :class:`~deft_mm.datasets.noise.image_pixels.ImagePixels`.
    3. For a sample x of class y, the label: class y with probability 1 - q, another class c with
       probability q times the softmax of ``x @ W[y]`` over the other classes.

    With ``seed=1`` the labels are those of the reference implementation on CIFAR, but for a few:
    the scores are float32, and matrix products differ between machines. A noise file
    (``NoisyLabelDataset(noise_file=...)``) keeps the labels that one machine drew. On other data
    sets there is nothing to equal: the reference's code stops with an error on Tiny-ImageNet, and
    has no such noise for CUB-200-2011 and Stanford Cars.

    Memory does not grow with N x C, nor with N images: only one class's part of W and the images of
    1,024 samples are held at a time, each image is read once, and W is drawn twice (once to
    get past it, since the draws of step 3 follow it). With 1000 classes that is 25 MB of W and
    about 6e9 normal draws.

    Args:
        ratio (float): Mean flip rate, in [0, 1].
        seed (int): Seed of the draws. Defaults to 1.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1].

    Example:

        .. code:: python

            noise = dict(type='InstanceDependentNoise', ratio=0.4, seed=1)
    """

    def __init__(self, ratio: float, seed: int = 1) -> None:
        super().__init__(ratio, seed)

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels; see :meth:`LabelNoise.__call__`.

        Raises:
            ValueError: If there is no data set or only one class, or an image can't be read.
        """
        if dataset is None:
            raise ValueError('InstanceDependentNoise looks at the images: `dataset` is needed.')
        if num_classes < 2:
            raise ValueError(
                f'InstanceDependentNoise needs two classes or more, the data set has {num_classes}.'
            )
        noisy = np.array(labels, dtype=np.int64)
        if not len(labels):
            return noisy
        pixels = ImagePixels(dataset)
        # RandomState is the generator behind NumPy's global functions; its stream never changes.
        rng = np.random.RandomState(self.seed)
        flip_rates = self._draw_flip_rates(rng, len(labels))
        start_of_w = rng.get_state()
        for _ in range(num_classes):
            rng.standard_normal((pixels.dim, num_classes))
        uniforms = rng.random_sample(len(labels))

        rng.set_state(start_of_w)
        progress = Progress('Drew noisy labels of', len(labels), 'samples')
        for class_ in range(num_classes):
            w_DC = rng.standard_normal((pixels.dim, num_classes)).astype(np.float32)
            members = np.flatnonzero(labels == class_)
            for start in range(0, len(members), CHUNK):
                chunk = members[start : start + CHUNK]
                scores_BC = pixels.read(chunk) @ w_DC
                noisy[chunk] = draw_labels(scores_BC, class_, flip_rates[chunk], uniforms[chunk])
                progress.advance(len(chunk))
        return noisy

    def _draw_flip_rates(self, rng: np.random.RandomState, num_samples: int) -> np.ndarray:
        # Not `truncnorm.rvs`, whose way of drawing has changed between versions of SciPy.
        low, high = -self.ratio / FLIP_RATE_STD, (1 - self.ratio) / FLIP_RATE_STD
        return truncnorm.ppf(
            rng.uniform(size=num_samples), low, high, loc=self.ratio, scale=FLIP_RATE_STD
        )


def draw_labels(
    scores: np.ndarray, class_: int, flip_rates: np.ndarray, uniforms: np.ndarray
) -> np.ndarray:
    """Draw one label a sample, as ``np.random.choice(C, p=...)`` would from the same uniform draw.

    Args:
        scores (np.ndarray): (n, C) float32, of samples of one class.
        class_ (int): That class.
        flip_rates (np.ndarray): (n,) float64, the probability to leave it.
        uniforms (np.ndarray): (n,) float64 in [0, 1).

    Returns:
        np.ndarray: (n,) int64.
    """
    others = scores.copy()
    others[:, class_] = -np.inf
    exp = np.exp(others - others.max(axis=1, keepdims=True))
    probabilities = flip_rates[:, None].astype(np.float32) * (exp / exp.sum(axis=1, keepdims=True))
    probabilities[:, class_] = 1 - flip_rates
    cumulative = probabilities.cumsum(axis=1, dtype=np.float64)
    cumulative /= cumulative[:, -1:]
    # np.random.choice: searchsorted(cumulative, uniform, side='right')
    return (cumulative <= uniforms[:, None]).sum(axis=1)
