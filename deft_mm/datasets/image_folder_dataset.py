"""A user's own images: a folder per class, or a list of (path, label)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmpretrain.registry import DATASETS

from deft_mm.csv_cells import is_text
from deft_mm.datasets.own_images import (
    CheckedImage,
    DataReport,
    Listing,
    Problem,
    check_images,
    held_out_mask,
    list_images,
)
from deft_mm.datasets.own_images.class_notes import class_notes
from deft_mm.datasets.own_images.data_report import (
    FLAT,
    SMALL_CLASS,
    UNREADABLE,
    UNUSUAL,
    UnusableImagesError,
    contradictions,
    first_problems,
)
from deft_mm.datasets.own_images.listing import are_numbers, find_source
from deft_mm.datasets.split_dataset import SplitDataset
from deft_mm.datasets.transforms import LoadImageOfAnyKind
from deft_mm.shorten import shorten
from deft_mm.user_file import lines_of

# So many images of one colour are no accident; a few may be somebody's trial.
_FLAT_IMAGES = 20


@DATASETS.register_module()
class ImageFolderDataset(SplitDataset):
    """Your own images, with labels that may be wrong, divided into training and validation.

    Either a folder for each class, whose name is the class name (images may lie deeper)::

        data_root
        ├── cat
        │   ├── 001.jpg
        │   └── ...
        └── guinea_pig
            └── ...

    or a list file, with paths relative to ``data_root``:

    - ``.csv`` with a first line ``path,label``;
    - ``.jsonl`` with lines ``{"path": "a/001.jpg", "label": "cat"}``;
    - ``.parquet`` with the columns path and label (needs pyarrow).

    Further columns are ignored. Labels are class names, or indices from 0 if ``classes`` names
    them; where all are numbers, ``3.0`` and ``+3`` are the index 3. Classes are in alphabetical
    order, numbers in them by size: ``class_2`` comes before ``class_10``. The report has a table of
    the label that was found, the name of the class and the words that CLIP reads.

    Every image is decoded once when the data set is read, in a distributed run by the main process
    alone. What is wrong with files and classes is in :attr:`report`:

    ==========================  =============================================================
    unreadable image            left out; so are those of more than 89,478,485 pixels
    unreadable folder           left out; a folder that a link leads to again is listed once
    not an image file           left out; so are hidden files and images in no class folder
    contradicting duplicate     kept: the same bytes in two classes, at most one label is right
    small class                 kept: fewer than ``min_samples_per_class`` images
    image of one colour         kept, but if 20 and most are, that is an error
    unusual image               kept: of more than 8 bits, or transparent, and made visible
    ==========================  =============================================================

    The training and the validation part, read with the same arguments, have no image in common, and
    no copy of one: an image that is there more than once is not held out. The validation labels
    are as doubtful as the others.

    Args:
        data_root (str, optional): The folder of the images, or a list file that lies in it. It must
            be set; None stands for "not yet", see :func:`deft_mm.engine.data_settings.settle_data`.
        split (str): 'train' or 'val'. Defaults to 'train'.
        train_path (str, optional): Folder or list file of the training images, relative to
            ``data_root``. None is ``data_root`` itself. Defaults to None.
        val_path (str, optional): Folder or list file of validation images of their own, relative to
            ``data_root``; nothing is held out then. Defaults to None.
        val_ratio (float, optional): Share of each class that is held out for validation. None is
            0.1. Defaults to None.
        seed (int): Seed of the choice. Defaults to 0.
        min_samples_per_class (int): Classes with fewer images are reported. Defaults to 10.
        check_images (bool): Whether images are decoded; if not, unreadable ones stay in the data
            set and stop the training. Defaults to True.
        classes (str | Sequence[str], optional): Class names in the order of the labels, instead of
            the names that were found; or a file with one a line. Defaults to None.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``.

    Raises:
        FileNotFoundError: If there is no such folder or list file, or no image in it.
        ValueError: If an argument is out of range, ``classes`` doesn't fit, or there are fewer than
            two classes.
        UnusableImagesError: If a class has no training image, most images are of one colour, or
            nothing could be held out; a ValueError, too, which has all problems.
        ImportError: If a Parquet file is to be read without pyarrow.

    Example:

        .. code:: python

            dataset = dict(
                type='ImageFolderDataset', data_root='/path/to/images', pipeline=train_pipeline)
    """

    SPLITS = ('train', 'val')

    def __init__(
        self,
        data_root: str | None = None,
        split: str = 'train',
        train_path: str | None = None,
        val_path: str | None = None,
        val_ratio: float | None = None,
        seed: int = 0,
        min_samples_per_class: int = 10,
        check_images: bool = True,
        classes: str | Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        if not data_root:
            raise ValueError(
                'data_root is not set: say where your images are, with tools/train.py CONFIG '
                '--cfg-options data_root=/path/to/images, or as `data_root` of this '
                'ImageFolderDataset in the config.'
            )
        val_ratio = 0.1 if val_ratio is None else val_ratio
        if not 0 < val_ratio < 1:
            raise ValueError(
                f'val_ratio is {val_ratio}: it is the share of images that is held out, above 0 '
                'and below 1. To train on all images, set val_path to validation images of their '
                "own, or to '.' to validate on the training images."
            )
        self.val_ratio = val_ratio
        self.seed = seed
        self.min_samples_per_class = min_samples_per_class
        self.check_images = check_images
        root, self.train_path = _root_and_part(data_root, train_path)
        if val_path and os.path.normpath(val_path) == '.' and not train_path:
            val_path = self.train_path or '.'  # data_root may be a list file
        self.val_path = val_path
        for part in filter(None, (self.train_path, val_path)):
            find_source(root, part)
        self._classes = '`classes`'  # for messages
        if isinstance(classes, (str, os.PathLike)):
            self._classes = f"`classes` of '{classes}'"
            classes = _read_classes(classes)
        for name in classes or ():
            if not isinstance(name, str):
                raise TypeError(
                    f'`classes` has {name!r}, a {type(name).__name__}: give names, '
                    'classes=["cat","dog"], or a file with one a line.'
                )
        self.report: DataReport | None = None
        super().__init__(str(root), split, classes=classes, **kwargs)

    def read_samples(self) -> list[tuple[str, int]]:
        """List the files, check them, and take the part of ``split``; paths are absolute."""
        root = Path(self.data_root)
        listing = list_images(root, self.train_path)
        names = self._name_classes(listing)
        label_of = _label_indices(listing.labels, names)
        self._metainfo['classes'] = tuple(names)
        own_val = self.split == 'val' and self.val_path
        # The other part's, too, before images are decoded: a mistake in it is told at once.
        if self.val_path and find_source(root, self.val_path) != Path(listing.source):
            val_listing = list_images(root, self.val_path)
            _require_known(val_listing, label_of, names)
            listing = val_listing if own_val else listing
        paths = [image.path for image in listing.images]
        labels = np.array([label_of[image.label] for image in listing.images], dtype=np.int64)
        checked = check_images(paths, self.check_images)
        readable = np.array([result.error is None for result in checked])
        if own_val:
            held_out = readable
        elif self.val_path:
            held_out = np.zeros_like(readable)
        else:
            held_out = self._hold_out(paths, labels, checked, readable)
        self.report = self._write_report(
            listing, names, paths, labels, checked, readable & ~held_out, held_out
        )
        self._require_images(readable & ~held_out, held_out)
        chosen = held_out if self.split == 'val' else readable & ~held_out
        return [(paths[idx], int(labels[idx])) for idx in np.flatnonzero(chosen)]

    def _name_classes(self, listing: Listing) -> list[str]:
        """Return the names of the classes, checked, in the order of the labels."""
        found, given = listing.labels, list(self._metainfo.get('classes') or ())
        if not given:
            given = found
        elif are_numbers(found):
            if int(found[-1]) >= len(given):
                raise ValueError(
                    f"'{listing.source}' has the label {found[-1]}, but {self._classes} has "
                    f'{len(given)} names, for the indices 0 to {len(given) - 1}.'
                )
        elif len(given) != len(found):
            raise ValueError(
                f"{self._classes} has {len(given)} names, but '{listing.source}' has {len(found)} "
                f'classes: {shorten(found)}. Give one name for each, in this order.'
            )
        else:
            for name, label in zip(given, found, strict=True):
                if name != label and name in found:
                    raise ValueError(
                        f"{self._classes} has '{name}' where '{label}' of '{listing.source}' "
                        f'stands: give the names in the order of the labels, {shorten(found)}.'
                    )
        source = f"'{listing.source}'" if given is found else self._classes
        if len(set(given)) < max(2, len(given)):
            raise ValueError(
                f'{source} has the classes {shorten(given)}: a classifier needs two or '
                'more, each with a name of its own.'
            )
        unwritable = [
            name for name in given if not name.strip() or '\0' in name or not is_text(name)
        ]
        if unwritable:
            raise ValueError(
                f'{source} has the class {unwritable[0]!r}, which is no text in UTF-8: '
                'rename it, or give names for all classes with classes=[...].'
            )
        return given

    def _hold_out(
        self, paths: list[str], labels: np.ndarray, checked: list[CheckedImage], usable: np.ndarray
    ) -> np.ndarray:
        """Return the (N,) mask of the usable images that are held out."""
        copies = Counter(result.digest for result in checked)
        single = [result.digest is None or copies[result.digest] == 1 for result in checked]
        kept = np.flatnonzero(usable)
        mask = np.zeros(len(paths), dtype=bool)
        mask[kept] = held_out_mask(
            labels[kept],
            # not the absolute paths: a folder may move
            [Path(os.path.relpath(paths[idx], self.data_root)).as_posix() for idx in kept],
            self.val_ratio,
            self.seed,
            allowed=np.array(single, dtype=bool)[kept],
        )
        return mask

    def _write_report(
        self,
        listing: Listing,
        names: list[str],
        paths: list[str],
        labels: np.ndarray,
        checked: list[CheckedImage],
        train: np.ndarray,
        val: np.ndarray,
    ) -> DataReport:
        problems = list(listing.problems)
        for path, label, result in zip(paths, labels, checked, strict=True):
            if result.error is not None:
                problems.append(Problem(UNREADABLE, path, names[label], result.error))
            if result.is_flat:
                problems.append(Problem(FLAT, path, names[label], result.unusual))
            elif result.unusual:
                problems.append(Problem(UNUSUAL, path, names[label], result.unusual))
        digests = [result.digest for result in checked]
        problems.extend(contradictions(paths, labels, names, digests))
        num_train, num_val = (
            np.bincount(labels[part], minlength=len(names)) for part in (train, val)
        )
        notes = _notes(names, (num_train + num_val).tolist(), held_out=not self.val_path)
        if any(problem.kind == UNUSUAL for problem in problems) and self._clips():
            notes.append(
                'LoadImageFromFile of the pipeline shows unusual images clipped and without '
                "transparency: dict(type='LoadImageOfAnyKind') in its place shows what is on them."
            )
        if self.split == 'train' or not self.val_path:
            for name, count, held_out in zip(names, num_train + num_val, num_val, strict=True):
                if count < self.min_samples_per_class:
                    detail = f'{count} images, fewer than {self.min_samples_per_class}'
                    if not self.val_path:
                        detail += f', {held_out} of them held out'
                    problems.append(Problem(SMALL_CLASS, '', name, detail))
        return DataReport(
            source=listing.source,
            class_names=names,
            num_train=num_train.tolist(),
            num_val=num_val.tolist(),
            problems=problems,
            notes=notes,
            labels=self._labels_of(listing, names),
        )

    def _clips(self) -> bool:
        """Whether images are loaded in another way than they are checked."""
        loaders = [t for t in self.pipeline.transforms if isinstance(t, LoadImageFromFile)]
        return not all(isinstance(loader, LoadImageOfAnyKind) for loader in loaders)

    @staticmethod
    def _labels_of(listing: Listing, names: list[str]) -> list[str]:
        """Return the label that was found for each class; '' for one that has no image."""
        found = {idx: label for label, idx in _label_indices(listing.labels, names).items()}
        return [found.get(idx, '') for idx in range(len(names))]

    def _require_images(self, train: np.ndarray, val: np.ndarray) -> None:
        """Check that both parts can be used, each where it is read."""
        report = self.report
        problems = first_problems(report.problems, 5)
        found = '; '.join(line.removeprefix('- ') for line in problems) or 'no problem'
        flat = sum(problem.kind == FLAT for problem in report.problems)
        number = train.sum() + val.sum()
        if flat >= _FLAT_IMAGES and flat > 0.5 * number:
            raise UnusableImagesError(
                f"{flat} of the {number} images of '{report.source}' are of one "
                f'colour, so that there is nothing to be seen on them ({found}): bring them in '
                'another format, or set check_images=False if they are meant.',
                report.problems,
            )
        if not (self.split == 'val' and self.val_path):
            empty = [
                name
                for name, count in zip(report.class_names, report.num_train, strict=True)
                if count == 0
            ]
            if empty:
                raise UnusableImagesError(
                    f"No image of {shorten(empty)} in '{report.source}' can be trained on: add "
                    f'images, or take the class out. What was found: {found}.',
                    report.problems,
                )
        if not val.any() and (self.split == 'val' or not self.val_path):
            raise UnusableImagesError(
                f"No image of '{report.source}' is left for validation (val_ratio="
                f'{self.val_ratio}, {len(train)} images, copies of one image are not held out): '
                f'set a larger val_ratio, or val_path. What was found: {found}.',
                report.problems,
            )


def _root_and_part(data_root: str, train_path: str | None) -> tuple[Path, str]:
    """Return the absolute folder and, relative to it, where the training images are."""
    # Absolute, so that the paths in the selection file lead to the images from everywhere.
    root = Path(os.path.abspath(os.path.expanduser(data_root)))
    if os.path.exists(root) and not root.is_dir():
        if train_path:
            raise ValueError(
                f"data_root is the list file '{data_root}', and train_path is '{train_path}': give "
                'the folder as data_root, and the list as train_path.'
            )
        return root.parent, root.name
    if not root.is_dir():
        raise FileNotFoundError(
            f"data_root '{data_root}' does not exist: give the folder that has a folder for each "
            'class, or a list file (.csv, .jsonl, .parquet).'
        )
    return root, train_path or ''


def _read_classes(path: str | os.PathLike) -> list[str]:
    """Read class names, one a line."""
    try:
        names = [line.strip() for line in lines_of(os.path.expanduser(path))]
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"`classes`: {error}: give a file with one name a line, or classes=['cat','dog']."
        ) from error
    except ValueError as error:
        raise ValueError(f"`classes`: '{path}' cannot be read: {error}.") from error
    while len(names) > 1 and not names[-1]:
        names.pop()
    if not names:
        raise ValueError(f"`classes`: '{path}' is empty: every line is the name of a class.")
    if not all(names):
        raise ValueError(
            f"`classes`: '{path}', line {names.index('') + 1} is empty: every line is the name of "
            'a class.'
        )
    return names


def _label_indices(labels: list[str], names: list[str]) -> dict[str, int]:
    """Return the class index of every label as it was found."""
    if labels != names and are_numbers(labels):
        return {label: int(label) for label in labels}
    return {label: idx for idx, label in enumerate(labels)}


def _require_known(listing: Listing, label_of: dict[str, int], names: list[str]) -> None:
    # Indices may be among the validation labels only.
    if names != list(label_of) and are_numbers(listing.labels):
        label_of.update((str(idx), idx) for idx in range(len(names)) if str(idx) not in label_of)
    unknown = [label for label in listing.labels if label not in label_of]
    if unknown:
        raise ValueError(
            f"'{listing.source}' has classes that the training images do not have: "
            f'{shorten(unknown)}. Those have {shorten(names)}.'
        )


def _notes(names: list[str], counts: Sequence[int], held_out: bool) -> list[str]:
    notes = []
    if held_out:
        notes.append(
            'the validation labels come from the same hands as the others. Where they are wrong, a '
            'right prediction counts as an error: compare accuracies, do not take them for true.'
        )
    return notes + class_notes(names, counts)
