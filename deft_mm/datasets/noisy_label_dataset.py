"""Any classification data set, with label noise added, or as noisy as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import (
    UNKNOWN,
    class_names_of,
    given_labels_of,
    known_clean_labels_of,
)
from deft_mm.datasets.dataset_fingerprint import dataset_fingerprint
from deft_mm.datasets.dataset_wrapper import DatasetWrapper
from deft_mm.datasets.noise.label_noise import LabelNoise, build_noise
from deft_mm.datasets.noise.noise_file import NoiseFile, check_noise_file
from deft_mm.main_process import on_main_process


@DATASETS.register_module()
class NoisyLabelDataset(DatasetWrapper):
    """Replace the labels of a data set by noisy ones and number its samples.

    In a distributed run the main process draws the noisy labels, and the others get them from it.

    The pipeline, and so the model, sees the noisy ``gt_label`` only, and in ``sample_idx`` the
    index in this data set, whatever it wraps. The true labels stay in :attr:`clean_labels`, for
    metrics.

    Args:
        dataset (dict | BaseDataset): A classification data set, which may be a wrapper such as
            ``ConcatDataset``, ``RepeatDataset``, ``ClassBalancedDataset`` or ``KFoldDataset``.
        noise (dict | Callable, optional): A noise model, see
            :class:`~deft_mm.datasets.noise.LabelNoise`. None leaves the labels as they are and the
            true ones unknown (unless a NoisyLabelDataset inside knows them): for data that is
            noisy by itself. Defaults to None.
        noise_file (str | PathLike, optional): A .npz that keeps the labels which ``noise`` draws:
            written where it is missing, otherwise read in place of drawing, and refused where it
            belongs to another data set or noise. Several processes that start at once end up with
            the same file. Defaults to None.
        lazy_init (bool): Whether to put off reading annotations until they are needed. Defaults
            to False.

    Raises:
        TypeError: If ``dataset`` or ``noise`` is of a wrong type.
        ValueError: If the data set has no class names, or labels that don't fit them, or the
            noise model is unknown or returns labels that don't fit, or the noise file is damaged or
            doesn't fit.

    Example:

        .. code:: python

            dataset = dict(
                type='NoisyLabelDataset',
                dataset=dict(type='CIFAR100', data_root='data/cifar100', pipeline=train_pipeline),
                noise=dict(type='SymmetricNoise', ratio=0.6, seed=0))
    """

    def __init__(
        self,
        dataset: Any,
        noise: Mapping | Callable | None = None,
        noise_file: str | PathLike | None = None,
        lazy_init: bool = False,
    ) -> None:
        self.noise = None if noise is None else build_noise(noise)
        self.relabels = noise is not None
        self.noise_file = noise_file
        if noise_file is not None:
            check_noise_file(noise_file, self.noise)
        if isinstance(self.noise, LabelNoise) and not lazy_init:
            self.noise.require_files()
        super().__init__(dataset, lazy_init)

    def _load(self) -> None:
        labels = given_labels_of(self.dataset)
        clean_labels = known_clean_labels_of(self.dataset)
        if self.noise is not None:
            num_classes = len(class_names_of(self.dataset))
            _check_labels(labels, num_classes, f'Data set {type(self.dataset).__name__}')
            # Labels of which nothing else is known are the true ones that noise is added to.
            clean_labels = np.where(clean_labels == UNKNOWN, labels, clean_labels)
            labels = self._noisy_labels(labels, num_classes)
        self._given_labels = labels
        self._clean_labels = None if (clean_labels == UNKNOWN).any() else clean_labels

    def _noisy_labels(self, labels: np.ndarray, num_classes: int) -> np.ndarray:
        """Draw the noisy labels, or read them from the noise file."""

        def draw() -> np.ndarray:
            noisy = self.noise(labels.copy(), num_classes, dataset=self.dataset)
            noisy = np.array(noisy, dtype=np.int64)
            source = f'Noise model {type(self.noise).__name__}'
            if noisy.shape != labels.shape:
                raise ValueError(
                    f'{source} returned labels of shape {noisy.shape} for {len(labels)} samples.'
                )
            _check_labels(noisy, num_classes, source)
            return noisy

        if self.noise_file is None:
            return on_main_process(draw)
        file = NoiseFile(self.noise_file, self.noise, dataset_fingerprint(self.dataset))
        return on_main_process(lambda: file.labels(draw))

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample, with its noisy label and its index in this data set.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: What the pipeline starts from.
        """
        info = super().get_data_info(idx)
        info['sample_idx'] = self._check_index(idx)
        return info

    def extra_repr(self) -> list[str]:
        """Return lines on the noise."""
        lines = [f'Noise: \t{self.noise}']
        if self._clean_labels is not None:
            rate = float(np.mean(self._given_labels != self._clean_labels))
            lines.append(f'Wrong labels: \t{rate:.2%} of {len(self)}')
        return lines


def _check_labels(labels: np.ndarray, num_classes: int, source: str) -> None:
    outside = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(outside):
        raise ValueError(
            f'{source} gives sample {outside[0]} the label {labels[outside[0]]}, but there are '
            f'{num_classes} class names.'
        )
