"""The selection file: what stage 1 says of every sample, as a CSV that people can open.

Lines ``# key: <JSON>`` come first (what the file belongs to and where it comes from), then a
plain table with one row a sample. ``pandas.read_csv(path, comment='#')`` reads it as well.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from os import PathLike
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from deft_mm.fileio import write_atomically
from deft_mm.selection.fingerprint import Fingerprint, digest_labels, digest_names
from deft_mm.selection.scores import SampleScores
from deft_mm.version import __version__

FORMAT = 'deft_mm-selection'
FORMAT_VERSION = 1
COLUMNS = (
    'sample_idx',
    'img_path',
    'given_label',
    'given_class',
    'clean_prob',
    'pred_label',
    'pred_prob',
    'kept',
)
_HEADER_KEYS = (
    'format',
    'format_version',
    'deft_mm_version',
    'created',
    'method',
    'config',
    'num_samples',
    'num_kept',
    'fingerprint',
    'classes',
)
# Strings otherwise. `kept` may come back as TRUE and FALSE from another program.
_DTYPES = {
    'sample_idx': np.int64,
    'given_label': np.int64,
    'clean_prob': np.float32,
    'pred_label': np.int64,
    'pred_prob': np.float32,
    'kept': 'U8',
}
# File names are bytes; those that are not UTF-8 survive the way through Python and the file.
_ENCODING = dict(encoding='utf-8', errors='surrogateescape')


@dataclass
class Selection:
    """A selection of samples and the scores behind it, by sample index.

    Args:
        fingerprint (Fingerprint): Of the data set that the selection belongs to.
        class_names (Sequence[str]): C names in the order of their labels.
        img_path (Sequence[str]): N paths; '' for an image that is no file.
        given_label (np.ndarray): (N,) int64.
        clean_prob (np.ndarray): (N,) float32; NaN for an image that could not be read.
        pred_label (np.ndarray): (N,) int64; -1 for an image that could not be read.
        pred_prob (np.ndarray): (N,) float32; NaN for an image that could not be read.
        kept (np.ndarray): (N,) bool.
        method (str): What selected, for example 'DualPromptSelector'. Defaults to ''.
        config (str): Name of the config file. Defaults to ''.
        created (str): Time of creation, ISO 8601. Defaults to now.
        deft_mm_version (str): Version that selected. Defaults to the one that runs.

    Raises:
        ValueError: If the arrays don't fit each other, the class names or the fingerprint.
    """

    fingerprint: Fingerprint
    class_names: Sequence[str]
    img_path: Sequence[str]
    given_label: np.ndarray
    clean_prob: np.ndarray
    pred_label: np.ndarray
    pred_prob: np.ndarray
    kept: np.ndarray
    method: str = ''
    config: str = ''
    created: str = field(
        default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec='seconds')
    )
    deft_mm_version: str = __version__

    def __post_init__(self) -> None:
        self.class_names = list(self.class_names)
        self.img_path = list(self.img_path)
        self.given_label = np.asarray(self.given_label, dtype=np.int64)
        self.clean_prob = np.asarray(self.clean_prob, dtype=np.float32)
        self.pred_label = np.asarray(self.pred_label, dtype=np.int64)
        self.pred_prob = np.asarray(self.pred_prob, dtype=np.float32)
        self.kept = np.asarray(self.kept, dtype=np.bool_)
        self._validate()

    @classmethod
    def from_scores(
        cls,
        scores: SampleScores,
        kept: np.ndarray,
        img_path: Sequence[str],
        class_names: Sequence[str],
        fingerprint: Fingerprint,
        method: str = '',
        config: str = '',
    ) -> Selection:
        """Put a selector's answer beside the scores that it is based on.

        Args:
            scores (SampleScores): Scores of all N samples.
            kept (np.ndarray): (N,) bool.
            img_path (Sequence[str]): N paths; '' for an image that is no file.
            class_names (Sequence[str]): C names.
            fingerprint (Fingerprint): Of the scored data set.
            method (str): What selected. Defaults to ''.
            config (str): Name of the config file. Defaults to ''.

        Returns:
            Selection: Ready to be written.
        """
        return cls(
            fingerprint=fingerprint,
            class_names=class_names,
            img_path=img_path,
            given_label=scores.given_label,
            clean_prob=scores.clean_prob,
            pred_label=scores.pred_label,
            pred_prob=scores.pred_prob,
            kept=kept,
            method=method,
            config=config,
        )

    def __len__(self) -> int:
        return len(self.given_label)

    @property
    def num_kept(self) -> int:
        """int: Number of samples kept."""
        return int(np.count_nonzero(self.kept))

    def _validate(self) -> None:
        columns = ('img_path', 'given_label', 'clean_prob', 'pred_label', 'pred_prob', 'kept')
        sizes = {name: np.shape(getattr(self, name)) for name in columns}
        if any(size != (self.fingerprint.num_samples,) for size in sizes.values()):
            raise ValueError(
                f'the data set has {self.fingerprint.num_samples} samples, '
                f'but the columns have the shapes {sizes}'
            )
        num_classes = len(self.class_names)
        for name, lowest in (('given_label', 0), ('pred_label', -1)):
            label = getattr(self, name)
            outside = np.flatnonzero((label < lowest) | (label >= num_classes))
            if len(outside):
                raise ValueError(
                    f'{name} of sample {outside[0]} is {label[outside[0]]}, '
                    f'but there are {num_classes} classes'
                )
        for name in ('clean_prob', 'pred_prob'):
            prob = getattr(self, name)
            outside = np.flatnonzero((prob < 0) | (prob > 1))
            if len(outside):
                raise ValueError(
                    f'{name} of sample {outside[0]} is {prob[outside[0]]}, not a probability'
                )
        if digest_labels(self.given_label) != self.fingerprint.given_labels:
            raise ValueError('the given labels are not those of the fingerprint')
        if digest_names(self.class_names) != self.fingerprint.class_names:
            raise ValueError('the class names are not those of the fingerprint')


def write_selection(path: str | PathLike, selection: Selection) -> None:
    """Write a selection file, all of it or nothing.

    Args:
        path (str | PathLike): The file; missing folders are made, an old file is replaced.
        selection (Selection): What to write.
    """
    header = ''.join(f'# {key}: {json.dumps(value)}\n' for key, value in _header(selection).items())
    text = header + ','.join(COLUMNS) + '\n' + '\n'.join(_rows(selection)) + '\n'
    write_atomically(text.encode(**_ENCODING), path)


def read_selection(path: str | PathLike) -> Selection:
    """Read and check a selection file. Nothing in it is ever executed or unpickled.

    Rows may come in any order and further columns are ignored, so that a file that was sorted
    still reads. A ``kept`` column edited by hand counts, with a warning.

    Args:
        path (str | PathLike): The file.

    Returns:
        Selection: Its content, by sample index.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a whole, valid selection file; the message says what was found.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No selection file '{path}'. Stage 1 writes one: give its path, or run stage 1 first."
        )
    try:
        return _read(path)
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f"'{path}' is not a usable selection file: {error}. "
            'Write it again with stage 1, or give the path of another one.'
        ) from error


def is_selection_file(path: str | PathLike) -> bool:
    """Whether a file begins as a selection file does, whatever is in the rest of it.

    Args:
        path (str | PathLike): A file that exists.

    Returns:
        bool: Whether it does.
    """
    with open(path, 'rb') as file:
        # Another program may have put quotes around the line.
        return FORMAT.encode() in file.readline(200)


def _header(selection: Selection) -> dict:
    return {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'deft_mm_version': selection.deft_mm_version,
        'created': selection.created,
        'method': selection.method,
        'config': selection.config,
        'num_samples': len(selection),
        'num_kept': selection.num_kept,
        'fingerprint': selection.fingerprint.to_dict(),
        'classes': selection.class_names,
    }


def _rows(selection: Selection) -> Iterator[str]:
    """Format the rows; strings are always quoted, so that a '#' in them starts no comment."""
    class_names = [_quote(name) for name in selection.class_names]
    columns = zip(
        selection.img_path,
        selection.given_label.tolist(),
        _probabilities_to_text(selection.clean_prob),
        selection.pred_label.tolist(),
        _probabilities_to_text(selection.pred_prob),
        selection.kept.tolist(),
        strict=True,
    )
    for sample_idx, (path, given, clean_prob, pred, pred_prob, kept) in enumerate(columns):
        yield (
            f'{sample_idx},{_quote(path)},{given},{class_names[given]},'
            f'{clean_prob},{pred},{pred_prob},{kept:d}'
        )


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _probabilities_to_text(probabilities: np.ndarray) -> Iterator[str]:
    # str() of a NumPy float32 is the shortest text that reads back as the same float32.
    return map(str, probabilities)


def _read(path: Path) -> Selection:
    with path.open('rb') as file:
        start = file.read(64)
    if b'# format:' not in start[:16]:
        raise ValueError(
            f'it starts with {start[:24]!r}, not with "# format:" '
            '(pickles and other binary files are never loaded)'
        )
    # newline='': line breaks within quotes stay as they are.
    with path.open(newline='', **_ENCODING) as file:
        header, first_line = _read_header(file)
        table = _read_table(file, next(csv.reader([first_line])))

    fingerprint = Fingerprint.from_dict(header['fingerprint'])
    table = table[_order_of(table['sample_idx'], fingerprint.num_samples)]
    selection = Selection(
        fingerprint=fingerprint,
        class_names=header['classes'],
        img_path=table['img_path'],
        given_label=table['given_label'],
        clean_prob=table['clean_prob'],
        pred_label=table['pred_label'],
        pred_prob=table['pred_prob'],
        kept=_read_kept(table['kept']),
        **{name: header[name] for name in ('method', 'config', 'created', 'deft_mm_version')},
    )
    if selection.num_kept != header['num_kept']:
        print_log(
            f"'{path}' keeps {selection.num_kept} samples, but {header['num_kept']} when it was "
            'written: it was edited since. The edited column is used.',
            logger='current',
            level=logging.WARNING,
        )
    return selection


def _as_written(line: str) -> str:
    """A header line as it was before a spreadsheet quoted its cells and filled up its columns."""
    cells = next(csv.reader([line.lstrip('\ufeff')]), [])
    return ','.join(cells).rstrip(',')


def _read_header(file: Iterable[str]) -> tuple[dict, str]:
    """Read the comment lines; return them and the first line after them."""
    header, line = {}, ''
    for line in file:
        text = _as_written(line)
        if not text.startswith('#'):
            break
        key, _, value = text[1:].partition(':')
        try:
            header[key.strip()] = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f'header line {line.strip()[:60]!r} is not "# key: JSON"') from error
    else:
        raise ValueError('there is no table after the header')
    if header.get('format') != FORMAT:
        raise ValueError(f'its format is {header.get("format")!r}, not {FORMAT!r}')
    if header.get('format_version') != FORMAT_VERSION:
        raise ValueError(
            f'its format version is {header.get("format_version")!r}, this version of deft_mm '
            f'(its own is {__version__}) reads {FORMAT_VERSION}'
        )
    missing = [key for key in _HEADER_KEYS if key not in header]
    if missing:
        raise ValueError(f'the header lacks {missing}')
    classes = header['classes']
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f'header key `classes` is a list of names, found {classes!r}')
    return header, line


def _read_table(file: Iterable[str], names: list[str]) -> np.ndarray:
    """Read the rows into a structured array with one field a column.

    NumPy's reader takes 1.3 million rows in about a second; one in Python takes ten times that.
    """
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f'column {missing} is missing, found the columns {names}')
    # All columns, also those that are not ours: so that every row must have as many.
    dtype = [
        (name, _DTYPES.get(name, 'O')) if name in COLUMNS else (f'other {i}', 'O')
        for i, name in enumerate(names)
    ]
    return np.loadtxt(file, dtype=dtype, comments=None, delimiter=',', quotechar='"', ndmin=1)


def _read_kept(words: np.ndarray) -> np.ndarray:
    words = np.char.lower(words)
    kept, rejected = np.isin(words, ('1', 'true')), np.isin(words, ('0', 'false'))
    unknown = words[~(kept | rejected)]
    if len(unknown):
        raise ValueError(f'column `kept` holds {str(unknown[0])!r}, which is neither 1 nor 0')
    return kept


def _order_of(sample_idx: np.ndarray, num_samples: int) -> np.ndarray:
    """Return where in the table each sample's row is, having checked that each has one."""
    order = np.argsort(sample_idx, kind='stable')
    ordered = sample_idx[order]
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(repeated):
        raise ValueError(f'sample_idx {repeated[0]} has more than one row')
    if not np.array_equal(ordered, np.arange(num_samples)):
        missing = np.setdiff1d(np.arange(num_samples), ordered)
        unknown = np.setdiff1d(ordered, np.arange(num_samples))
        raise ValueError(
            f'the header says {num_samples} samples; {len(missing)} of them have no row (first: '
            f'{missing[:3].tolist()}), {len(unknown)} rows have an unknown sample_idx (first: '
            f'{unknown[:3].tolist()})'
        )
    return order
