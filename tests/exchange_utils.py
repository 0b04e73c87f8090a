"""Selections of image files with names that programs stumble over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from deft_mm.selection import EXCLUDED, Fingerprint, SampleTable, write_selection

CLASSES = ['cat', 'a/b "c" $x', "it's\n<&>", 'exclude']
LABELS = np.arange(12) % 4
# A person has relabelled 1, confirmed 3 (which the detector rejects) and excluded 4.
RELABELLED, CONFIRMED, EXCLUDED_SAMPLE, UNSURE = 1, 3, 4, 7


def selected(root: Path, classes=CLASSES, names=None, **changes) -> Path:
    """Write images, and a selection of them, every other sample of which is kept.

    Args:
        root (Path): Where to: images in ``images``, the file is ``selection.csv``.
        classes (list[str]): Names of four classes.
        names (list[str], optional): Paths of the images below ``images``. Defaults to the same name
            in the folder of each class, and one with quotes, a new line and the like.
        **changes: Columns in place of the usual ones.
    """
    names = names or [
        f'{label}/{i // 4}.png' if i else '0/x "y"\n#\';$z[1]*?.png'
        for i, label in enumerate(LABELS)
    ]
    paths = [root / 'images' / name for name in names]
    for i, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 10 * i, dtype=np.uint8)).save(path)
    corrected = np.full(12, -1)
    corrected[[RELABELLED, CONFIRMED, EXCLUDED_SAMPLE]] = 2, LABELS[CONFIRMED], EXCLUDED
    prob = np.linspace(0, 1, 12, dtype=np.float32)
    columns = dict(
        clean_prob=prob,
        pred_label=(LABELS + 1) % 4,
        pred_prob=1 - prob,
        kept=np.arange(12) % 2 == 0,
        corrected_label=corrected,
        method='AuditSelector',
    )
    table = SampleTable(
        Fingerprint.from_parts(classes, LABELS, names),
        classes,
        [str(path) for path in paths],
        LABELS,
        **{**columns, **changes},
    )
    write_selection(root / 'selection.csv', table)
    return root / 'selection.csv'


def label_studio_export(tasks: list[dict], **choices) -> list[dict]:
    """What Label Studio exports as JSON after somebody has made choices.

    Its documentation has an example: https://labelstud.io/guide/export.html.

    Args:
        tasks (list[dict]): The tasks that were imported.
        **choices: By ``sample_<index>``, the name of a class, the fields of an annotation, or a
            list of several.
    """
    exported = []
    for number, task in enumerate(tasks, start=1):
        chosen = choices.get(f'sample_{task["data"]["sample_idx"]}', [])
        found = chosen if isinstance(chosen, list) else [chosen]
        exported.append(
            dict(
                id=number,
                data=task['data'],
                project=7,
                created_at='2026-11-27T10:00:00.748526Z',
                updated_at='2026-11-27T10:00:00.748926Z',
                annotations=[_annotation(number, one) for one in found],
                predictions=[],
                drafts=[],
            )
        )
    return exported


def _annotation(number: int, chosen: str | dict) -> dict:
    choice = dict(choices=[chosen]) if isinstance(chosen, str) else {}
    result = [
        dict(
            id='Dx_aB91ISN',
            type='choices',
            from_name='class',
            to_name='image',
            value=choice,
            origin='manual',
        )
    ]
    annotation = dict(
        id=1000 + number,
        task=number,
        result=result,
        was_cancelled=False,
        ground_truth=False,
        created_at='2026-11-27T10:05:00.728353Z',
        updated_at='2026-11-27T10:05:00.728378Z',
        lead_time=4.288,
        result_count=1,
        completed_by=3,
    )
    return annotation | (chosen if isinstance(chosen, dict) else {})


def chosen(*names: str, **fields) -> dict:
    """An annotation with these choices, and other fields than the usual ones."""
    part = dict(type='choices', from_name='class', to_name='image', value=dict(choices=list(names)))
    return dict(result=[part]) | fields


def write_json(path: Path, content) -> Path:
    path.write_text(json.dumps(content))
    return path
