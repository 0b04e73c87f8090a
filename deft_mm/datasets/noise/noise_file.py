"""The noise file: noisy labels, with all that they depend on, drawn once and then reused.

A .npz of two arrays: ``labels``, (N,) int32, and ``header``, a JSON text. Nothing is pickled.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from deft_mm.array_file import read_arrays
from deft_mm.datasets.noise.label_noise import LabelNoise
from deft_mm.fileio import check_header, write_atomically
from deft_mm.selection.fingerprint import Fingerprint, digest
from deft_mm.shorten import first_line
from deft_mm.user_file import open_file, parse_json
from deft_mm.version import __version__

FORMAT = 'deft_mm-noise'
FORMAT_VERSION = 1
_HEADER_KEYS = ('deft_mm_version', 'noise', 'parameters', 'fingerprint', 'checksum')
_REMEDY = 'Delete it to have the noise drawn anew, or give the path of another `noise_file`.'


class NoiseFile:
    """The noise file of one data set and one noise model.

    Args:
        path (str | PathLike): The file, ``.npz``; missing folders are made.
        noise (LabelNoise): The noise model that draws the labels.
        fingerprint (Fingerprint): Of the clean data set.

    Raises:
        ValueError: If the file is to be of another type.
        TypeError: If ``noise`` can't tell its parameters.
    """

    def __init__(self, path: str | PathLike, noise: LabelNoise, fingerprint: Fingerprint) -> None:
        self.path = Path(path)
        self._noise = noise
        self._fingerprint = fingerprint
        check_noise_file(path, noise)

    def labels(self, draw: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the labels in the file; write it first where it is missing.

        Processes that start at the same time may each draw the labels, but all return those of the
        one file that was there first.

        Args:
            draw (Callable): Returns the (N,) labels to write.

        Returns:
            np.ndarray: (N,) int64.

        Raises:
            ValueError: If the file is damaged, or belongs to another data set or noise.
        """
        if not self.path.exists():
            _create(self._encode(draw()), self.path)
        return self._read()

    def _about(self) -> dict:
        """What the labels depend on, in plain types as JSON gives them back."""
        about = dict(
            noise=type(self._noise).__name__,
            parameters=self._noise.parameters(),
            fingerprint=self._fingerprint.to_dict(),
        )
        return json.loads(json.dumps(about, default=_to_plain))

    def _encode(self, labels: np.ndarray) -> bytes:
        header = dict(format=FORMAT, format_version=FORMAT_VERSION, deft_mm_version=__version__)
        header.update(self._about())
        labels = np.asarray(labels, dtype=np.int32)
        header['checksum'] = _checksum(labels, header)
        file = io.BytesIO()
        np.savez_compressed(file, labels=labels, header=np.array(json.dumps(header)))
        return file.getvalue()

    def _read(self) -> np.ndarray:
        try:
            header, labels = _decode(self.path, self._fingerprint.num_samples)
        except Exception as error:  # what a damaged file raises can be anything
            raise ValueError(
                f"'{self.path}' is not a whole noise file: {first_line(error)}. {_REMEDY}"
            ) from error
        self._require_same(header)
        if labels.shape != (self._fingerprint.num_samples,):
            raise ValueError(
                f"Noise file '{self.path}' has labels of shape {labels.shape} for "
                f'{self._fingerprint.num_samples} samples. {_REMEDY}'
            )
        return labels.astype(np.int64)

    def _require_same(self, header: dict) -> None:
        about = self._about()
        there = Fingerprint.from_dict(header['fingerprint'])
        parts = there.differing_parts(self._fingerprint)
        if parts:
            raise ValueError(
                f"Noise file '{self.path}' belongs to another data set, with another "
                f'{", ".join(parts)} (of {there.num_samples} samples; this one has '
                f'{self._fingerprint.num_samples}). {_REMEDY}'
            )
        for name in ('noise', 'parameters'):
            if header[name] != about[name]:
                raise ValueError(
                    f"Noise file '{self.path}' holds the noise of {_describe(header)}, but the "
                    f'config asks for {_describe(about)}. {_REMEDY}'
                )


def check_noise_file(path: str | PathLike, noise: Any) -> None:
    """Check the arguments of a noise file, before there is a data set.

    Args:
        path (str | PathLike): The file.
        noise: The noise model.

    Raises:
        ValueError: If the file is not a ``.npz`` or can't be opened, or there is no noise model.
        TypeError: If the noise model can't tell its parameters.
    """
    if Path(path).suffix != '.npz':
        raise ValueError(f"`noise_file` is the path of a .npz file, found '{path}'.")
    if noise is None:
        raise ValueError(
            f"`noise_file='{path}'` keeps what a noise model draws: give `noise` as well. Labels "
            "from other files are read by noise=dict(type='FileNoise', path=...)."
        )
    if not isinstance(noise, LabelNoise):
        raise TypeError(
            f'`noise_file` needs a noise model that tells its parameters, a subclass of '
            f'LabelNoise; found {type(noise).__name__}.'
        )
    if os.path.lexists(path):
        try:
            open_file(path).close()
        except (ValueError, FileNotFoundError) as error:
            raise ValueError(f"'{path}' is not a whole noise file: {error}. {_REMEDY}") from error


def _create(content: bytes, path: Path) -> None:
    """Write a file whole, unless there is one already."""
    temporary = path.with_name(f'.{path.name}.{uuid.uuid4().hex}')
    write_atomically(content, temporary)
    try:
        # Unlike a rename, a link never replaces a file.
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links. A process that comes second writes the same labels again.
        if not path.exists():
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _decode(path: Path, num_samples: int) -> tuple[dict, np.ndarray]:
    arrays = read_arrays(path, lambda _: ('header', 'labels'), num_samples)
    header, labels = parse_json(str(arrays['header'])), arrays['labels']
    check_header(header, FORMAT, FORMAT_VERSION, _HEADER_KEYS)
    checksum = header.pop('checksum')
    if labels.dtype != np.int32 or _checksum(labels, header) != checksum:
        raise ValueError('its checksum is wrong: it was damaged or edited')
    return header, labels


def _checksum(labels: np.ndarray, header: dict) -> str:
    content = np.ascontiguousarray(labels, dtype='<i4').tobytes()
    return digest(json.dumps(header, sort_keys=True).encode(), content, size=16)


def _to_plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)


def _describe(about: dict) -> str:
    values = ', '.join(f'{name}={value!r}' for name, value in about['parameters'].items())
    return f'{about["noise"]}({values})'
