"""Build a FiftyOne data set of samples.json, which lies beside this script.

python load_fiftyone.py [--name NAME] [--replace] [--launch]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import fiftyone as fo

SAMPLES = Path(__file__).with_name('samples.json')
# Fields of a sample that are labels; all others are values.
LABELS = dict(label=None, given_label='clean_prob', corrected_label=None, pred_label='pred_prob')
VALUES = ('sample_idx', 'clean_prob', 'score', 'kept', 'decided')


def to_sample(row: dict) -> fo.Sample:
    """Make a sample of an entry of samples.json; its tag says whether it is kept."""
    labels = {
        name: fo.Classification(label=row[name], confidence=row[prob] if prob else None)
        for name, prob in LABELS.items()
        if row[name] is not None
    }
    values = {name: row[name] for name in VALUES}
    tag = 'kept' if row['kept'] else 'rejected'
    return fo.Sample(filepath=row['filepath'], tags=[tag], **labels, **values)


def main() -> None:
    parser = argparse.ArgumentParser(description='Build a FiftyOne data set')
    parser.add_argument('--name', default=SAMPLES.parent.name, help="defaults to '%(default)s'")
    parser.add_argument('--replace', action='store_true', help='a data set of that name')
    parser.add_argument('--launch', action='store_true', help='look at it in the app')
    args = parser.parse_args()
    content = json.loads(SAMPLES.read_text(encoding='utf-8'))
    dataset = fo.Dataset(args.name, persistent=True, overwrite=args.replace)
    dataset.default_classes = content['classes']
    dataset.info = dict(fingerprint=content['fingerprint'])
    dataset.add_samples([to_sample(row) for row in content['samples']])
    dataset.save()
    print(f'{len(dataset)} samples are in the FiftyOne data set {args.name!r}.')
    if args.launch:
        fo.launch_app(dataset).wait()


if __name__ == '__main__':
    main()
