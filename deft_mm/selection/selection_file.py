"""The selection file: a :class:`SampleTable` as a CSV that people can open, or as Parquet.

Lines ``# key: <JSON>`` come first (what the file belongs to and where it comes from), then a
plain table with one row a sample. ``pandas.read_csv(path, comment='#')`` reads it as well. A file
whose name ends in ``.parquet`` has the same columns, and the lines as its metadata.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from deft_mm.fileio import check_header, write_atomically
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.sample_table import SampleTable

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
    'score': np.float32,
}
# File names are bytes; those that are not UTF-8 survive the way through Python and the file.
_ENCODING = dict(encoding='utf-8', errors='surrogateescape')


def write_selection(path: str | PathLike, table: SampleTable) -> None:
    """Write a selection file, all of it or nothing.

    A score that is no probability has a column ``score`` of its own.

    Args:
        path (str | PathLike): The file, CSV, or Parquet where its name ends in ``.parquet``;
            missing folders are made, an old file is replaced.
        table (SampleTable): What to write.

    Raises:
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    require_pyarrow(path)
    header = {key: json.dumps(value) for key, value in _header(table).items()}
    if _is_parquet(path):
        data = _to_parquet(table, header)
    else:
        names = _columns_of(table)
        lines = [*(f'# {key}: {value}' for key, value in header.items()), ','.join(names)]
        data = ('\n'.join([*lines, *_rows(table, names)]) + '\n').encode(**_ENCODING)
    write_atomically(data, path)


def read_selection(path: str | PathLike) -> SampleTable:
    """Read and check a selection file. Nothing in it is ever executed or unpickled.

    Rows may come in any order and further columns are ignored, so that a file that was sorted
    still reads. A ``kept`` column edited by hand counts, with a warning.

    Args:
        path (str | PathLike): The file.

    Returns:
        SampleTable: Its content, by sample index.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a whole, valid selection file; the message says what was found.
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No selection file '{path}'. Stage 1 writes one: give its path, or run stage 1 first."
        )
    require_pyarrow(path)
    try:
        header, columns = (_read_parquet if _is_parquet(path) else _read_csv)(path)
        return _to_table(header, columns, path)
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
        # Parquet has its metadata in the footer. Of CSV another program may have quoted the line.
        return FORMAT.encode() in (file.read() if _is_parquet(path) else file.readline(200))


def _is_parquet(path: str | PathLike) -> bool:
    return Path(path).suffix.lower() == '.parquet'


def _header(table: SampleTable) -> dict:
    return {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'deft_mm_version': table.deft_mm_version,
        'created': table.created,
        'method': table.method,
        'config': table.config,
        'num_samples': len(table),
        'num_kept': table.num_kept,
        'fingerprint': table.fingerprint.to_dict(),
        'classes': table.class_names,
    }


def _columns_of(table: SampleTable) -> tuple[str, ...]:
    same = np.array_equal(table.score, table.clean_prob, equal_nan=True)
    return COLUMNS if same else (*COLUMNS, 'score')


def _rows(table: SampleTable, names: Sequence[str]) -> Iterator[str]:
    """Format the rows; strings are always quoted, so that a '#' in them starts no comment."""
    class_names = [_quote(name) for name in table.class_names]
    texts = {
        'sample_idx': map(str, range(len(table))),
        'img_path': map(_quote, table.img_path),
        'given_class': (class_names[label] for label in table.given_label.tolist()),
        'kept': ('1' if kept else '0' for kept in table.kept.tolist()),
    }
    # str() of a NumPy float32 is the shortest text that reads back as the same float32.
    columns = [texts.get(name) or map(str, getattr(table, name)) for name in names]
    return map(','.join, zip(*columns, strict=True))


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def require_pyarrow(path: str | PathLike) -> None:
    """Refuse a Parquet file that can't be read or written here, before time is spent on it.

    Args:
        path (str | PathLike): The file, of either kind.

    Raises:
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    if not _is_parquet(path):
        return
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"The selection file '{path}' needs pyarrow, which is not installed: pip install "
            'pyarrow, or give a file in .csv.'
        ) from error


def _to_parquet(table: SampleTable, header: dict[str, str]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    class_names = np.array(table.class_names, dtype=object)
    own = {
        'sample_idx': np.arange(len(table)),
        # As bytes: a file name need not be UTF-8.
        'img_path': [path.encode(**_ENCODING) for path in table.img_path],
        'given_class': class_names[table.given_label],
    }
    columns = {
        name: own[name] if name in own else getattr(table, name) for name in _columns_of(table)
    }
    content = pyarrow.table(columns, metadata=header)
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(content, buffer)
    return buffer.getvalue().to_pybytes()


def _read_parquet(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    import pyarrow
    import pyarrow.parquet

    try:
        content = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:  # of damage it makes either
        raise ValueError(str(error)) from error
    metadata = {k.decode(): v for k, v in (content.schema.metadata or {}).items()}
    ours = ('format', 'format_version', *_HEADER_KEYS)
    header = _check_header({name: json.loads(metadata[name]) for name in ours if name in metadata})
    _check_columns(content.column_names)
    for name in COLUMNS:
        # Where a score is missing, there is none.
        if _DTYPES.get(name) is not np.float32 and content[name].null_count:
            raise ValueError(f'column `{name}` has {content[name].null_count} empty cells')
    # Another program may have made texts of paths, and something else of yes and no.
    types = dict(img_path=pyarrow.binary(), kept=pyarrow.string())
    try:
        columns = {
            name: content[name].cast(types.get(name, content[name].type)).to_numpy()
            for name in (*_DTYPES, 'img_path')
            if name in content.schema.names
        }
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error
    columns['img_path'] = [path.decode(**_ENCODING) for path in columns['img_path']]
    columns['kept'] = _read_kept(columns['kept'].astype(str))
    return header, columns


def _read_csv(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
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
        rows = _read_rows(file, next(csv.reader([first_line])))
    columns = {name: rows[name] for name in (*_DTYPES, 'img_path') if name in rows.dtype.names}
    columns['kept'] = _read_kept(columns['kept'])
    return header, columns


def _to_table(header: dict, columns: dict[str, np.ndarray], path: Path) -> SampleTable:
    fingerprint = Fingerprint.from_dict(header['fingerprint'])
    order = _order_of(columns.pop('sample_idx'), fingerprint.num_samples)
    columns = {
        name: np.asarray(values, dtype=object if name == 'img_path' else None)[order]
        for name, values in columns.items()
    }
    of_data = {name: columns.pop(name) for name in ('img_path', 'given_label')}
    table = SampleTable(fingerprint, header['classes'], **of_data).with_results(
        columns,
        **{name: header[name] for name in ('method', 'config', 'created', 'deft_mm_version')},
    )
    if table.num_kept != header['num_kept']:
        print_log(
            f"'{path}' keeps {table.num_kept} samples, but {header['num_kept']} when it was "
            'written: it was edited since. The edited column is used.',
            logger='current',
            level=logging.WARNING,
        )
    return table


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
    return _check_header(header), line


def _check_header(header: dict) -> dict:
    check_header(header, FORMAT, FORMAT_VERSION, _HEADER_KEYS)
    classes = header['classes']
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f'header key `classes` is a list of names, found {classes!r}')
    return header


def _check_columns(names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f'column {missing} is missing, found the columns {names}')


def _read_rows(file: Iterable[str], names: list[str]) -> np.ndarray:
    """Read the rows into a structured array with one field a column.

    NumPy's reader takes 1.3 million rows in about a second; one in Python takes ten times that.
    """
    _check_columns(names)
    # All columns, also those that are not ours: so that every row must have as many.
    dtype = [
        (name, _DTYPES.get(name, 'O')) if name in (*COLUMNS, 'score') else (f'other {i}', 'O')
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
