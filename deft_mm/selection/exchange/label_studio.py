"""Label Studio: tasks to look at a selection there, and the decisions that come back.

Tasks with predictions: https://labelstud.io/guide/predictions.html; the export that is read, JSON
(not JSON-MIN): https://labelstud.io/guide/export.html; the labelling interface:
https://labelstud.io/tags/choices.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np
from mmengine.logging import print_log

from deft_mm.fileio import write_atomically
from deft_mm.selection.decision import Decision, decided_samples, require_given_class
from deft_mm.selection.exchange.rows import (
    described,
    number,
    paths_of,
    require_files,
    require_text,
    suggested_labels,
)
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.found_by_path import below_common_folder
from deft_mm.selection.sample_table import EXCLUDED, SampleTable
from deft_mm.shorten import first_line, printable, shorten
from deft_mm.user_file import open_file, parse_json, read_bytes

TASKS_FILE, CONFIG_FILE = 'tasks.json', 'label_config.xml'
# Names within the labelling interface, and so in what comes back.
_CHOICES, _IMAGE = 'class', 'image'
# With more classes, a list to choose from takes the place of a button for each.
_BUTTONS = 30
# A million annotated tasks take about 1.5 GB.
_MOST_BYTES = 2 * 2**30
# What XML 1.0 can't have, not even escaped.
_NOT_IN_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]')


def write_label_studio(
    table: SampleTable, rows: np.ndarray, folder: Path, image_prefix: str = ''
) -> None:
    """Write ``tasks.json`` for the import of Label Studio, and ``label_config.xml``.

    The second is to be the project's labelling interface: a choice for each class, and one to
    exclude the image. A task has in its ``data`` what the data manager can sort by, and what
    :func:`read_label_studio` finds the sample by; its prediction is the class that is proposed.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) the samples that go out.
        folder (Path): Where both files go.
        image_prefix (str): What stands before the path of an image below the folder that all
            images of the selection share, such as 'https://host/images/' or
            '/data/local-files/?d=images/', which Label Studio serves from its
            LOCAL_FILES_DOCUMENT_ROOT. Defaults to '', for absolute paths in place of addresses.

    Raises:
        ValueError: If a sample is no file, a file's name is not UTF-8, or the name of a class can't
            stand in XML.
    """
    option = '--to labelstudio'
    require_files(table, rows, option)
    require_text(table, rows, option)
    config = _label_config(table.class_names)
    images = paths_of(table, rows)
    if image_prefix:
        _, below = _divided(table)
        images = [image_prefix + quote(below[idx]) for idx in rows.tolist()]
    labels, probs = suggested_labels(table)
    fingerprint, tasks = table.fingerprint.to_text(), []
    for idx, image, about in zip(rows.tolist(), images, described(table, rows), strict=True):
        path = os.path.abspath(table.img_path[idx])
        data = dict(image=image, **about, img_path=path, fingerprint=fingerprint)
        task = dict(data=data)
        if labels[idx] >= 0:
            name = table.class_names[labels[idx]]
            task['predictions'] = [_prediction(table.method or 'deft_mm', name, probs[idx])]
        tasks.append(json.dumps(task, allow_nan=False))
    text = '[\n' + ',\n'.join(tasks) + '\n]\n'
    write_atomically(text.encode(), folder / TASKS_FILE)
    write_atomically(config.encode(), folder / CONFIG_FILE)


def common_folder(table: SampleTable) -> str:
    """The folder that an image prefix stands for, the innermost one that all images lie in.

    Args:
        table (SampleTable): The selection.

    Returns:
        str: Its absolute path.
    """
    return os.path.abspath(_divided(table)[0])


def _divided(table: SampleTable) -> tuple[str, dict[int, str]]:
    """The folder that all files are in, and their paths below it, by sample."""
    paths = {idx: path.replace('\\', '/') for idx, path in enumerate(table.img_path) if path}
    below = dict(zip(paths, below_common_folder(list(paths.values())), strict=True))
    one = next(iter(paths), None)
    return '' if one is None else paths[one].removesuffix(below[one]), below


def _prediction(model: str, name: str, prob: float) -> dict:
    result = dict(from_name=_CHOICES, to_name=_IMAGE, type='choices', value=dict(choices=[name]))
    score = number(prob)
    return dict(model_version=model, result=[result]) | ({} if score is None else dict(score=score))


def _exclude_choice(classes: Sequence[str]) -> str:
    """What says that an image is of no class; none of them is called so."""
    name = 'exclude'
    while name in classes:
        name += '*'
    return name


def _label_config(classes: Sequence[str]) -> str:
    for name in classes:
        if _NOT_IN_XML.search(name):
            raise ValueError(
                f"--to labelstudio: the name of the class '{printable(name)}' has a character that "
                'XML cannot have: rename it.'
            )
    choices = '\n'.join(f'    {_choice(name)}' for name in [*classes, _exclude_choice(classes)])
    layout = 'select' if len(classes) > _BUTTONS else 'vertical'
    return f"""<View>
  <Image name="{_IMAGE}" value="${_IMAGE}"/>
  <Header value="Given: $given_label"/>
  <Choices name="{_CHOICES}" toName="{_IMAGE}" choice="single" layout="{layout}" required="true">
{choices}
  </Choices>
</View>
"""


def _choice(name: str) -> str:
    if '$' not in name:
        return f'<Choice value={quoteattr(name)}/>'
    # $x in a value is taken for a variable; what is written down is the alias.
    return f'<Choice value={quoteattr(name.replace("$", chr(0xFF04)))} alias={quoteattr(name)}/>'


def is_label_studio(path: str | PathLike) -> bool:
    """Whether a file is to be read as an export of Label Studio: JSON, not a table.

    Args:
        path (str | PathLike): A file, which need not be there.

    Returns:
        bool: Whether its name ends in ``.json``, or it begins as a list of JSON does.
    """
    if Path(path).suffix.lower() == '.json':
        return True
    try:
        with open_file(path) as file:
            return file.read(64).lstrip(b'\xef\xbb\xbf \t\r\n')[:1] == b'['
    except (ValueError, FileNotFoundError):
        return False


@dataclass(frozen=True)
class _Answer:
    """A choice that somebody has made."""

    where: str
    data: Mapping[str, Any]
    choice: str
    reviewer: str
    time: str


def read_label_studio(path: str | PathLike, table: SampleTable) -> list[Decision]:
    """Read the decisions of an export of Label Studio; the file is data, and nothing in it runs.

    The tasks must be those of :func:`write_label_studio`, wherever they went in between. An
    annotator's choice is a decision of the reviewer of that name or number at the time of its last
    change; the given class confirms, 'exclude' excludes. Annotations that were skipped, and empty
    ones, are left alone, and counted in the log.

    Args:
        path (str | PathLike): The file, in Label Studio's format JSON.
        table (SampleTable): The selection that went out, or samples that are a part of it, see
            :func:`~deft_mm.selection.decision.decided_samples`.

    Returns:
        list[Decision]: Decisions, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such export, or one of another selection, or a choice is no class;
            the message names the task.
    """
    source, counts = f"'{path}'", dict(skipped=0, empty=0)
    try:
        tasks = parse_json(read_bytes(path, _MOST_BYTES))
        if not isinstance(tasks, list):
            raise ValueError(f'it holds a {type(tasks).__name__}, not a list of tasks')
        text, answers = None, []
        for place, task in enumerate(tasks, start=1):
            where = f'task {place}' + (f' (id {task["id"]})' if _has_id(task) else '')
            data = _data_of(task, where)
            if text not in (None, data['fingerprint']):
                raise ValueError(f'{where} is one of another selection than those before it')
            text = data['fingerprint']
            answers += _answers(task['annotations'], data, where, counts)
        fingerprint = table.fingerprint if text is None else Fingerprint.from_text(text)
        indices = [_index(answer, fingerprint.num_samples) for answer in answers]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file of corrections '{path}'.") from error
    except ValueError as error:
        raise ValueError(
            f'{source} is no usable export of Label Studio: {first_line(error)}.'
        ) from error
    paths = [str(answer.data.get('img_path', '')) for answer in answers]
    samples = decided_samples(table, fingerprint, indices, paths, source).tolist()
    decisions = []
    for answer, sample in zip(answers, samples, strict=True):
        if sample >= 0:
            try:
                label = _label(answer, sample, table)
            except ValueError as error:
                raise ValueError(f'{source}, {answer.where}: {error}.') from error
            decisions.append(Decision(sample, label, answer.reviewer, answer.time))
    if any(counts.values()):
        left = ' and '.join(f'{count} {word}' for word, count in counts.items())
        print_log(f'{source}: {left} annotations are left alone.', logger='current')
    return decisions


def _has_id(task: Any) -> bool:
    return isinstance(task, dict) and isinstance(task.get('id'), int)


def _data_of(task: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(task, dict):
        raise ValueError(f'{where} is {repr(task)[:60]}, not a task')
    data = task.get('data')
    if not isinstance(data, dict) or not isinstance(task.get('annotations'), list):
        raise ValueError(
            f'{where} has no `data` or no `annotations`: export the project as JSON, not JSON-MIN'
        )
    if not isinstance(data.get('fingerprint'), str):
        raise ValueError(
            f'{where} has no `fingerprint` in its `data`: it was not written by '
            'tools/export_selection.py'
        )
    return data


def _answers(
    annotations: list, data: Mapping[str, Any], where: str, counts: dict[str, int]
) -> Iterator[_Answer]:
    for annotation in annotations:
        if not isinstance(annotation, dict) or not isinstance(annotation.get('result'), list):
            raise ValueError(f'{where} has an annotation without `result`')
        if annotation.get('was_cancelled'):
            counts['skipped'] += 1
            continue
        choices = _choices(annotation['result'], where)
        if len(choices) > 1:
            raise ValueError(f'{where} has the choices {shorten(choices)} in one annotation')
        if not choices:
            counts['empty'] += 1
            continue
        reviewer = annotation.get('completed_by')
        if isinstance(reviewer, dict):
            reviewer = reviewer.get('email') or reviewer.get('id')
        yield _Answer(
            where,
            data,
            choices[0],
            '' if reviewer is None else str(reviewer),
            _time(annotation.get('updated_at') or annotation.get('created_at')),
        )


def _choices(result: list, where: str) -> list[str]:
    """What was chosen for the class; what else was asked in the interface doesn't count."""
    found = []
    for part in result:
        if isinstance(part, dict) and part.get('from_name') == _CHOICES:
            value = part.get('value')
            choices = value.get('choices') if isinstance(value, dict) else None
            if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
                raise ValueError(f'{where} has a result without `choices`')
            found += choices
    return found


def _time(text: Any) -> str:
    """As times are in corrections.csv, so that texts are in the order of the times."""
    try:
        time = datetime.fromisoformat(str(text).replace('Z', '+00:00'))
        time = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
        return time.astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        return '' if text is None else str(text)


def _index(answer: _Answer, number: int) -> int:
    index = answer.data.get('sample_idx')
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < number:
        raise ValueError(
            f'{answer.where}: sample_idx is {repr(index)[:60]}, and there are {number} samples'
        )
    return index


def _label(answer: _Answer, sample: int, table: SampleTable) -> int:
    require_given_class(answer.data.get('given_label'), sample, table)
    if answer.choice in table.class_names:
        return table.class_names.index(answer.choice)
    exclude = _exclude_choice(table.class_names)
    if answer.choice != exclude:
        raise ValueError(
            f'the choice is {answer.choice[:60]!r}, which is none of the classes '
            f'{shorten(table.class_names)}, and not {exclude!r}'
        )
    return EXCLUDED
