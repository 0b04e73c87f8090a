"""What identifies a data set: sample count, class names, given labels, images."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike

import numpy as np

from deft_mm.user_file import read_bytes

# For each part: what a reader calls it, and what usually makes it differ.
_PARTS = {
    'num_samples': (
        'number of samples',
        'another split, or another subset of it (`indices`, RepeatDataset, a skipped file)',
    ),
    'class_names': (
        'class names',
        'another `metainfo`, or another order; if only the spelling differs, '
        'the wrapper takes `check_class_names=False`',
    ),
    'given_labels': (
        'given labels',
        'another noise model, ratio or seed, or clean labels in place of noisy ones: '
        'wrap the data set in the same NoisyLabelDataset',
    ),
    'images': ('images', 'other files, or the same ones in another order'),
}


@dataclass(frozen=True)
class Fingerprint:
    """Short identity of a data set, the same wherever on a disk its files lie.

    :func:`deft_mm.datasets.dataset_fingerprint` takes it of a data set.

    Args:
        num_samples (int): N.
        class_names (str): Digest of the class names in the order of their labels.
        given_labels (str): Digest of the N given labels.
        images (str): Digest of the N images' identities, in order.
    """

    num_samples: int
    class_names: str
    given_labels: str
    images: str

    @classmethod
    def from_parts(
        cls, class_names: Sequence[str], given_labels: np.ndarray, identities: Iterable[str]
    ) -> Fingerprint:
        """Digest the parts of a data set.

        Args:
            class_names (Sequence[str]): C names.
            given_labels (np.ndarray): (N,) integers.
            identities (Iterable[str]): N strings that tell one image from another.

        Returns:
            Fingerprint: Its digests.
        """
        return cls(
            num_samples=len(given_labels),
            class_names=digest_names(class_names),
            given_labels=digest_labels(given_labels),
            images=digest('\n'.join(identities).encode('utf-8', 'surrogateescape')),
        )

    def to_dict(self) -> dict:
        """Return the parts as a dict of plain types, for a header or a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: Mapping) -> Fingerprint:
        """Rebuild a fingerprint from what :meth:`to_dict` returned.

        Args:
            parts (Mapping): One entry a part.

        Returns:
            Fingerprint: The same fingerprint.

        Raises:
            ValueError: If a part is missing, unknown or of another type.
        """
        expected = {name: int if name == 'num_samples' else str for name in _PARTS}
        if not isinstance(parts, Mapping) or set(parts) != set(expected):
            raise ValueError(f'A fingerprint has the parts {sorted(expected)}, found {parts!r}.')
        for name, type_ in expected.items():
            if not isinstance(parts[name], type_):
                raise ValueError(
                    f'Part `{name}` of a fingerprint is of type {type_.__name__}, '
                    f'found {parts[name]!r}.'
                )
        return cls(**parts)

    def to_text(self) -> str:
        """Return the parts as one text, for a field of another program's file."""
        return '-'.join(map(str, self.to_dict().values()))

    @classmethod
    def from_text(cls, text: str) -> Fingerprint:
        """Rebuild a fingerprint from what :meth:`to_text` returned.

        Args:
            text (str): The parts.

        Returns:
            Fingerprint: The same fingerprint.

        Raises:
            ValueError: If it is no such text.
        """
        parts = text.split('-')
        if len(parts) != len(_PARTS) or not re.fullmatch('[0-9]{1,18}', parts[0]):
            raise ValueError(
                f'a fingerprint is the {" - ".join(_PARTS)} of a data set, found {text[:90]!r}'
            )
        return cls(int(parts[0]), *parts[1:])

    def differing_parts(self, other: Fingerprint) -> list[str]:
        """Name the parts in which two fingerprints differ.

        Args:
            other (Fingerprint): The one to compare with.

        Returns:
            list[str]: Field names; empty when the two are equal.
        """
        return [name for name in _PARTS if getattr(self, name) != getattr(other, name)]

    def require_same(
        self, dataset: Fingerprint, source: str, ignore: Sequence[str] = (), hint: str = ''
    ) -> None:
        """Refuse a data set that is not the one this fingerprint was taken of.

        Args:
            dataset (Fingerprint): The fingerprint of the data set at hand.
            source (str): Where this fingerprint comes from, for the message, for example
                "Selection file 'selection.csv'".
            ignore (Sequence[str]): Parts that may differ. Defaults to none.
            hint (str): What to do about it, for the message. Defaults to ''.

        Raises:
            ValueError: If a part differs; the message names each, with the likely cause.
        """
        differing = [name for name in self.differing_parts(dataset) if name not in ignore]
        if not differing:
            return
        # With another number of samples, labels and images differ as a matter of course.
        if 'num_samples' in differing:
            differing = [name for name in differing if name in ('num_samples', 'class_names')]
        causes = []
        for name in differing:
            title, cause = _PARTS[name]
            there, here = getattr(self, name), getattr(dataset, name)
            causes.append(f'the {title} differ ({there} there, {here} here; {cause})')
        raise ValueError(
            f'{source} belongs to another data set: {"; ".join(causes)}. {hint}'.rstrip()
        )


def digest_names(class_names: Sequence[str]) -> str:
    """Digest class names in order.

    Args:
        class_names (Sequence[str]): C names.

    Returns:
        str: 16 hexadecimal digits.
    """
    return digest(json.dumps(list(class_names)).encode())


def digest_labels(labels: np.ndarray) -> str:
    """Digest labels in order.

    Args:
        labels (np.ndarray): (N,) integers of any width.

    Returns:
        str: 16 hexadecimal digits.
    """
    # Fixed width and byte order, so that machines agree.
    return digest(np.ascontiguousarray(labels, dtype='<i8').tobytes())


def digest_image(image: np.ndarray) -> str:
    """Digest an image in memory.

    Args:
        image (np.ndarray): An array of any shape and type.

    Returns:
        str: 16 hexadecimal digits.
    """
    about = f'{image.dtype.str}{image.shape}'.encode()
    return digest(about, np.ascontiguousarray(image).tobytes())


def digest_file(path: str | PathLike) -> str:
    """Digest the content of a file.

    Args:
        path (str | PathLike): The file.

    Returns:
        str: 32 hexadecimal digits.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is a pipe, a folder or the like.
    """
    return digest(read_bytes(path), size=16)


def digest(*parts: bytes, size: int = 8) -> str:
    """Digest bytes.

    Args:
        *parts (bytes): What to digest, one after the other, as if it were one.
        size (int): Bytes of the digest, up to 64. Defaults to 8.

    Returns:
        str: Two hexadecimal digits a byte.
    """
    hash_ = hashlib.blake2b(digest_size=size)
    for part in parts:
        hash_.update(part)
    return hash_.hexdigest()
