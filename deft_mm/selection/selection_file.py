"""The selection file: a :class:`SampleTable` as a CSV that people can open, or as Parquet.

Lines ``# key: <JSON>`` come first (what the file belongs to and where it comes from), then a
plain table with one row a sample. ``pandas.read_csv(path, comment='#')`` reads it as well. A file
whose name ends in ``.parquet`` has the same columns, and the lines as its metadata.
"""

from __future__ import annotations

import csv
import itertools
import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from deft_mm.csv_cells import ESCAPED, from_cell, to_cell
from deft_mm.fileio import check_header, write_atomically
from deft_mm.selection.fingerprint import Fingerprint, digest
from deft_mm.selection.sample_table import EXCLUDED, SampleTable
from deft_mm.shorten import first_line, shorten
from deft_mm.user_file import lines_of, open_file, parse_json

FORMAT = 'deft_mm-selection'
# Files with a person's decisions have version 2: what reads version 1 alone would not see them.
FORMAT_VERSIONS = (1, 2)
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
# Those that are there where they say something.
OPTIONAL = ('score', 'corrected_label')
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
    'score': np.float64,
}
_EXCLUDE = 'exclude'
# The line of the header that names all classes is the longest.
_MOST_CLASSES = 2**26
# File names are bytes; those that are not UTF-8 survive the way through Python and Parquet.
_ENCODING = dict(encoding='utf-8', errors='surrogateescape')


def write_selection(path: str | PathLike, table: SampleTable) -> None:
    """Write a selection file, all of it or nothing.

    A score that is not the clean probability, to the last digit, has a column ``score`` of its own.

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
        paths, classes = (
            list(map(to_cell, texts)) for texts in (table.img_path, table.class_names)
        )
        # Programs cut these lines at commas: a part that begins as a formula does would be one.
        lines = [re.sub(',(?=[=+@-])', r'\\u002c', f'# {key}: {v}') for key, v in header.items()]
        if (paths, classes) != (table.img_path, table.class_names):
            lines.append(ESCAPED)
        rows = _rows(table, names, paths, classes)
        data = ('\n'.join([*lines, ','.join(names), *rows]) + '\n').encode()
    write_atomically(data, path)


def read_selection(path: str | PathLike) -> SampleTable:
    """Read and check a selection file. Nothing in it is ever executed or unpickled.

    Rows may come in any order and further columns are ignored, so that a file that was sorted
    still reads. A ``kept`` column edited by hand counts, with a warning, and so does a column
    ``corrected_label`` that a person has added: class names or indices, 'exclude', or empty cells.

    Args:
        path (str | PathLike): The file.

    Returns:
        SampleTable: Its content, by sample index.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a whole, valid selection file; the message says what was found.
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    table, header = _read(Path(path))
    if table.num_kept != header['num_kept']:
        print_log(
            f"'{path}' keeps {table.num_kept} samples, but {header['num_kept']} when it was "
            'written: it was edited since. The edited column is used.',
            logger='current',
            level=logging.WARNING,
        )
    elif _is_changed(table, header):
        print_log(
            f"'{path}' holds other values than were written: it was edited since, or is damaged. "
            'They are used.',
            logger='current',
            level=logging.WARNING,
        )
    return table


def is_edited(path: str | PathLike, known: SampleTable | None = None) -> bool:
    """Whether a selection file holds what a person has decided.

    Args:
        path (str | PathLike): The file.
        known (SampleTable, optional): The same samples, with corrected labels that don't count.
            Defaults to None.

    Returns:
        bool: Whether it has corrected labels, or other values than were written; the order of rows,
        further columns and spelling don't count.

    Raises:
        FileNotFoundError: See :func:`read_selection`.
        ValueError: See there.
        ImportError: See there.
    """
    table, header = _read(Path(path))
    decided = table.decided
    if known is not None:
        decided = decided & (table.corrected_label != known.corrected_label)
    return bool(decided.any()) or _is_changed(table, header)


def _read(path: Path) -> tuple[SampleTable, dict]:
    require_pyarrow(path)
    with _explained(path):
        header, columns = (_read_parquet if _is_parquet(path) else _read_csv)(path)
        return _to_table(header, columns), header


def require_selection_file(path: str | PathLike) -> None:
    """Check that a file can be opened, before time is spent on its data set.

    Args:
        path (str | PathLike): The file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file, or can't be opened.
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    require_pyarrow(path)
    with _explained(path):
        open_file(path).close()


@contextmanager
def _explained(path: str | PathLike) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"No selection file '{path}'. Stage 1 writes one: give its path, or run stage 1 first."
        ) from error
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
    try:
        with open_file(path) as file:
            # Parquet has its metadata in the footer. Of CSV another program may have quoted the
            # line.
            start = file.read() if _is_parquet(path) else file.readline(200)
    except ValueError:
        return False
    return FORMAT.encode() in start


def _is_parquet(path: str | PathLike) -> bool:
    return Path(path).suffix.lower() == '.parquet'


def _header(table: SampleTable) -> dict:
    return {
        'format': FORMAT,
        'format_version': FORMAT_VERSIONS[int(table.decided.any())],
        'deft_mm_version': table.deft_mm_version,
        'created': table.created,
        'method': table.method,
        'config': table.config,
        'num_samples': len(table),
        'num_kept': table.num_kept,
        'checksum': _checksum(table),
        'fingerprint': table.fingerprint.to_dict(),
        'classes': table.class_names,
    }


def _checksum(table: SampleTable) -> str:
    """Digest what the fingerprint does not cover, whatever bits a NaN has."""
    values = [table.clean_prob, table.pred_label, table.pred_prob, table.kept, table.score]
    if table.decided.any():
        values.append(table.corrected_label)
    return digest(b''.join(np.nan_to_num(column, nan=-1).tobytes() for column in values))


def _columns_of(table: SampleTable) -> tuple[str, ...]:
    own_score = not np.array_equal(table.score, table.clean_prob, equal_nan=True)
    there = dict(zip(OPTIONAL, (own_score, table.decided.any()), strict=True))
    return (*COLUMNS, *(name for name in OPTIONAL if there[name]))


def _rows(
    table: SampleTable, names: Sequence[str], paths: Sequence[str], classes: Sequence[str]
) -> Iterator[str]:
    """Format the rows; strings are always quoted, so that a '#' in them starts no comment."""
    class_names = [_quote(name) for name in classes]
    texts = {
        'sample_idx': map(str, range(len(table))),
        'img_path': map(_quote, paths),
        'given_class': (class_names[label] for label in table.given_label.tolist()),
        'kept': ('1' if kept else '0' for kept in table.kept.tolist()),
    }
    if 'corrected_label' in names:
        texts['corrected_label'] = map(_quote, map(to_cell, _corrections_to_cells(table)))
    # str() of a NumPy float is the shortest text that reads back as the same float.
    columns = [texts.get(name) or map(str, getattr(table, name)) for name in names]
    return map(','.join, zip(*columns, strict=True))


def _corrections_to_cells(table: SampleTable) -> list[str]:
    """What :func:`_read_corrections` reads as the corrected labels: names where that is clear."""
    known = _labels_by_cell(table.class_names)
    cell_of = {EXCLUDED: _EXCLUDE, -1: ''}
    for label, name in enumerate(table.class_names):
        cell_of[label] = name
        if known[name] != label:  # a class that is called 'exclude', say
            signs = next(n for n in itertools.count(1) if f'{"#" * n}{label}' not in known)
            cell_of[label] = f'{"#" * signs}{label}'
    return [cell_of[label] for label in table.corrected_label.tolist()]


def _labels_by_cell(classes: Sequence[str]) -> dict[str, int]:
    return {name: label for label, name in enumerate(classes)} | {_EXCLUDE: EXCLUDED, '': -1}


def _read_corrections(cells: Sequence[str | None], classes: Sequence[str]) -> np.ndarray:
    """Labels (N,) of what people have written: class names, indices, 'exclude', or nothing.

    A name goes before an index: classes may be called '1', '2' and '3'.
    """
    known = _labels_by_cell(classes)
    texts = [cell or '' for cell in cells]
    found = [known.get(text, known.get(text.strip())) for text in texts]
    for row in (i for i, label in enumerate(found) if label is None):
        # '3.0' is what spreadsheets make of 3 in a column that has empty cells.
        text = re.sub(r'\.0$', '', texts[row].strip())
        if text in known:
            found[row] = known[text]
            continue
        index = re.fullmatch(r'#*(\d{1,9})', text)
        if index is None or int(index[1]) >= len(classes):
            raise ValueError(
                f'column `corrected_label` holds {texts[row][:60]!r}, which is none of the classes '
                f'{shorten(list(classes))}, no index of one, and not {_EXCLUDE!r}'
            )
        found[row] = int(index[1])
    return np.array(found, dtype=np.int64)


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def require_pyarrow(path: str | PathLike) -> None:
    """Refuse a Parquet file that can't be read or written here, before time is spent on it.

    Args:
        path (str | PathLike): A file, CSV or Parquet.

    Raises:
        ImportError: If it is Parquet, and pyarrow is not installed.
    """
    if not _is_parquet(path):
        return
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"'{path}' needs pyarrow, which is not installed: pip install pyarrow, or take CSV "
            '(.csv).'
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
    names = _columns_of(table)
    if 'corrected_label' in names:
        own['corrected_label'] = _corrections_to_cells(table)
    columns = {name: own[name] if name in own else getattr(table, name) for name in names}
    content = pyarrow.table(columns, metadata=header)
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(content, buffer)
    return buffer.getvalue().to_pybytes()


def _read_parquet(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with open_file(path) as file, pyarrow.parquet.ParquetFile(file) as opened:
            names = opened.schema_arrow.names
            # Of a row, the index alone takes more than a byte: so much can't be unpacked of less.
            if opened.metadata.num_rows > path.stat().st_size:
                raise ValueError(
                    f'it is said to have {opened.metadata.num_rows:,} rows, and has '
                    f'{path.stat().st_size:,} bytes'
                )
            metadata = {k.decode(): v for k, v in (opened.schema_arrow.metadata or {}).items()}
            _check_columns(names)
            content = opened.read(columns=[name for name in (*COLUMNS, *OPTIONAL) if name in names])
    except (pyarrow.ArrowException, OSError) as error:  # of damage it makes either
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(first_line(error)) from error
    ours = ('format', 'format_version', *_HEADER_KEYS, 'checksum')
    header = {name: parse_json(metadata[name]) for name in ours if name in metadata}
    header = _check_header(header)
    for name in COLUMNS:
        # Where a score is missing, there is none.
        if _DTYPES.get(name) is not np.float32 and content[name].null_count:
            raise ValueError(f'column `{name}` has {content[name].null_count} empty cells')
    # Another program may have made texts of paths, and something else of numbers, yes and no.
    types = {name: pyarrow.from_numpy_dtype(dtype) for name, dtype in _DTYPES.items()}
    types |= dict(img_path=pyarrow.binary(), kept=pyarrow.string())
    columns = {}
    for name in (*_DTYPES, 'img_path'):
        if name in content.schema.names:
            try:
                columns[name] = content[name].cast(types[name]).to_numpy()
            except pyarrow.ArrowException as error:
                raise ValueError(f'column `{name}`: {first_line(error)}') from error
    columns['img_path'] = [path.decode(**_ENCODING) for path in columns['img_path']]
    columns['kept'] = _read_kept(columns['kept'].astype(str))
    if 'corrected_label' in content.schema.names:
        cells = [
            None if cell is None else str(cell) for cell in content['corrected_label'].to_pylist()
        ]
        columns['corrected_label'] = _read_corrections(cells, header['classes'])
    return header, columns


def _read_csv(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    with open_file(path) as file:
        start = file.read(64)
    if b'# format:' not in start[:16]:
        raise ValueError(
            f'it starts with {start[:24]!r}, not with "# format:" '
            '(pickles and other binary files are never loaded)'
        )
    lines = lines_of(path, _MOST_CLASSES)
    header, names, first = read_header_lines(lines)
    header = _check_header(header)
    _check_columns(names)
    try:
        rows = _read_rows(lines, names)
    except ValueError as error:
        raise ValueError(_fault(path, names, first) or first_line(error)) from error
    columns = {name: rows[name] for name in (*_DTYPES, 'img_path') if name in rows.dtype.names}
    if header.get('escaped'):
        columns['img_path'] = list(map(from_cell, columns['img_path']))
    columns['kept'] = _read_kept(columns['kept'])
    if 'corrected_label' in names:
        cells = list(map(from_cell, rows['corrected_label']))
        columns['corrected_label'] = _read_corrections(cells, header['classes'])
    return header, columns


def _to_table(header: dict, columns: dict[str, np.ndarray]) -> SampleTable:
    fingerprint = Fingerprint.from_dict(header['fingerprint'])
    order = _order_of(columns.pop('sample_idx'), fingerprint.num_samples)
    columns = {
        name: np.asarray(values, dtype=object if name == 'img_path' else None)[order]
        for name, values in columns.items()
    }
    of_data = {name: columns.pop(name) for name in ('img_path', 'given_label')}
    return SampleTable(fingerprint, header['classes'], **of_data).with_results(
        columns,
        **{name: header[name] for name in ('method', 'config', 'created', 'deft_mm_version')},
    )


def _is_changed(table: SampleTable, header: dict) -> bool:
    # Earlier versions wrote no checksum.
    return table.num_kept != header['num_kept'] or header.get(
        'checksum', _checksum(table)
    ) != _checksum(table)


def _as_written(line: str) -> str:
    """A header line as it was before a spreadsheet quoted its cells and filled up its columns."""
    text = line.rstrip('\r\n')
    if text.startswith('"'):
        text = ','.join(next(csv.reader([text]), []))
    return text.rstrip(',')


def read_header_lines(lines: Iterator[str]) -> tuple[dict, list[str], int]:
    """Read the lines ``# key: JSON`` before a table.

    Args:
        lines (Iterator[str]): The lines of a file, of which those up to the columns' are taken.

    Returns:
        tuple[dict, list[str], int]: What they say, the names of the columns, and the number of
        their line, from 1.

    Raises:
        ValueError: If a line is another one, or there is no table.
    """
    header = {}
    for number, line in enumerate(lines, start=1):
        text = _as_written(line)
        if not text.startswith('#'):
            return header, next(csv.reader([line]), []), number
        key, _, value = text[1:].partition(':')
        try:
            header[key.strip()] = parse_json(value)
        except ValueError as error:
            raise ValueError(
                f'line {number}, {line.strip()[:60]!r}, is not "# key: JSON"'
            ) from error
    raise ValueError('there is no table after the header')


def _check_header(header: dict) -> dict:
    check_header(header, FORMAT, FORMAT_VERSIONS, _HEADER_KEYS)
    classes = header['classes']
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f'header key `classes` is a list of names, found {str(classes)[:60]!r}')
    return header


def _check_columns(names: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f'column {missing} is missing, found the columns {shorten(names)}')
    repeated = [name for name in (*COLUMNS, *OPTIONAL) if names.count(name) > 1]
    if repeated:
        raise ValueError(f'column {repeated} is there more than once')


def _read_rows(lines: Iterator[str], names: list[str]) -> np.ndarray:
    """Read the rows into a structured array with one field a column.

    NumPy's reader takes 1.3 million rows in about a second; one in Python takes ten times that.
    """
    # All columns, also those that are not ours: so that every row must have as many.
    dtype = [
        (name, _DTYPES.get(name, 'O')) if name in (*COLUMNS, *OPTIONAL) else (f'other {i}', 'O')
        for i, name in enumerate(names)
    ]
    return np.loadtxt(lines, dtype=dtype, comments=None, delimiter=',', quotechar='"', ndmin=1)


def _fault(path: Path, names: list[str], first: int) -> str | None:
    """Find the line that NumPy's reader stopped at, which it counts in its own ways."""
    lines = itertools.islice(lines_of(path, _MOST_CLASSES), first, None)
    reader = csv.reader(lines)
    for row in filter(None, reader):
        where = f'line {first + reader.line_num}'
        if len(row) != len(names):
            return f'{where} has {len(row)} cells for {len(names)} columns'
        for name, cell in zip(names, row, strict=True):
            if _DTYPES.get(name) in (np.int64, np.float32):
                try:
                    np.array(cell).astype(_DTYPES[name])
                except (ValueError, OverflowError):
                    return f'{where}: {name} is {cell[:60]!r}, not a number as it should be'
    return None


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
    if len(order) != num_samples or not np.array_equal(ordered, np.arange(len(order))):
        known = (ordered >= 0) & (ordered < num_samples)
        # The first that are missing; all of them can be more than there is memory for.
        missing = np.setdiff1d(np.arange(min(num_samples, len(order) + 3)), ordered)
        raise ValueError(
            f'the header says {num_samples} samples; {num_samples - np.count_nonzero(known)} of '
            f'them have no row (first: {missing[:3].tolist()}), {np.count_nonzero(~known)} rows '
            f'have an unknown sample_idx (first: {ordered[~known][:3].tolist()})'
        )
    return order
