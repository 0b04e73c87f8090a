"""How far an audit's figures are from the true ones, and how good what it picks is.

On the digits with five noises, by the built-in CLIP; nothing is trained but a logistic regression:

    python benchmarks/accuracy/audit.py --seeds 0 1 2 3 4

or on arrays of one's own, of samples whose right labels are known (``probs`` (N, C), ``feature``
(N, E), ``labels`` and ``clean`` (N,) in a file of ``np.savez``):

    python benchmarks/accuracy/audit.py --arrays worse.npz

A row is the mean of the seeds. ``told`` is the best guess of the share of wrong labels, between the
ends of its interval; ``within`` of how many seeds the truth is in that, ``warned`` of how many the
audit says that errors are systematic. F1 is that of the kept samples: as told and as it is of what
is picked, of the best of all detectors and thresholds that the audit can pick, of confident
learning's own cut and of a vote of neighbours on the same features, and of keeping every sample.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, TASK_UTILS

from deft_mm.datasets import class_names_of
from deft_mm.detection import build_zero_shot_detector, preprocessor_of
from deft_mm.engine.launch import read_config
from deft_mm.engine.select import select
from deft_mm.evaluation import detection_metrics
from deft_mm.selection import Selector
from deft_mm.selection.audit import audit
from deft_mm.selection.class_probs import class_probs
from deft_mm.selection.cuts import argmax, confident_learning, given_probability

CONFIG = Path(__file__).resolve().parents[2] / 'configs/audit/audit_digits_sym40.py'
DETECTORS = ('zero_shot', 'features', 'fused')
NOISES = dict(
    sym20=dict(type='SymmetricNoise', ratio=0.2),
    sym40=dict(type='SymmetricNoise', ratio=0.4),
    sym60=dict(type='SymmetricNoise', ratio=0.6),
    asym40=dict(type='AsymmetricNoise', ratio=0.4),
    idn40=dict(type='InstanceDependentNoise', ratio=0.4),
)
COLUMNS = (
    *('wrong', 'low', 'told', 'high', 'within', 'warned'),
    *('F1 told', 'F1 picked', 'best', 'largest gap', 'conf. learning', 'kNN', 'all kept'),
)
Arrays = dict[str, np.ndarray]


class _Recorder(Selector):
    """Keeps every sample, and what was computed of it."""

    needs = ('probs', 'feature')

    def __call__(self, table):
        self.table = table
        return np.ones(len(table), dtype=bool), np.ones(len(table))


def digits(
    noises: Sequence[str], seeds: Sequence[int], clip: str
) -> Iterator[tuple[str, int, Arrays]]:
    """The digits' arrays, training and test, for each noise and seed."""
    cfg, recorder = read_config(str(CONFIG), dict(clip=clip)), _Recorder()
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        test, dataset = (
            DATASETS.build(config)
            for config in (cfg.test_dataloader.dataset, cfg.train_dataloader.dataset.dataset)
        )
        model = build_zero_shot_detector(cfg, preprocessor_of(cfg), class_names_of(dataset))
        select(model, test, recorder, pipeline=cfg.test_dataloader.dataset.pipeline)
        held_out = recorder.table
        select(model, dataset, recorder, pipeline=cfg.test_dataloader.dataset.pipeline)
    table = recorder.table
    held_out = dict(test_feature=held_out.feature, test_labels=held_out.given_label)
    for name in noises:
        for seed in seeds:
            noise = TASK_UTILS.build(dict(NOISES[name], seed=seed))
            labels = noise(table.given_label, len(table.class_names), dataset)
            arrays = dict(held_out, probs=table.probs, feature=table.feature, labels=labels)
            yield name, seed, dict(arrays, clean=table.given_label)


def measure(arrays: Arrays) -> list[float]:
    """One row of the table; the audit is :class:`~deft_mm.selection.AuditSelector`'s."""
    labels, clean = arrays['labels'], arrays['clean']
    columns = dict(probs=arrays['probs'], feature=arrays['feature'])
    num_classes = columns['probs'].shape[1]

    def detectors(labels: np.ndarray, names: Sequence[str] = DETECTORS) -> Arrays:
        return class_probs(names, labels, num_classes, columns, {})

    def f1(kept: np.ndarray) -> float:
        return detection_metrics(kept, labels, clean)['f1']

    found = audit(detectors, labels, num_classes)
    own = detectors(labels, (*DETECTORS, 'knn'))
    best = max(
        f1(given_probability(own[name], labels) >= threshold)
        for name in DETECTORS
        for threshold in found.thresholds
    )
    picked, wrong, (low, high) = f1(found.kept), np.mean(labels != clean), found.interval
    at = found.detectors.index(found.detector), list(found.thresholds).index(found.threshold)
    return [
        *(100 * share for share in (wrong, low, found.wrong_share, high)),
        *(low <= wrong <= high, bool(found.systematic)),
        *(found.f1[at], picked, best, best - picked),
        f1(confident_learning(own['fused'], labels)[0]),
        f1(argmax(own['knn'], labels)[0]),
        f1(np.ones(len(labels), dtype=bool)),
    ]


def add_sample_options(parser: argparse.ArgumentParser, seeds: list[int]) -> None:
    """Add the options that :func:`samples_of` reads."""
    parser.add_argument('--noises', nargs='+', choices=NOISES, default=list(NOISES))
    parser.add_argument('--seeds', nargs='+', type=int, default=seeds)
    parser.add_argument('--clip', default='tiny', help="'tiny', 'tiny-weak', 'local-dir:PATH'")
    parser.add_argument('--arrays', nargs='+', type=Path, help='files, in place of the digits')


def samples_of(args: argparse.Namespace) -> Iterator[tuple[str, int, Arrays]]:
    """The arrays of the digits, or of files, with the name of their labels and the seed."""
    if args.arrays is None:
        return digits(args.noises, args.seeds, args.clip)
    return ((path.stem, 0, dict(np.load(path))) for path in args.arrays)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_sample_options(parser, [0, 1, 2, 3, 4])
    args = parser.parse_args(argv)
    rows: dict[str, list[list[float]]] = {}
    for name, _, arrays in samples_of(args):
        rows.setdefault(name, []).append(measure(arrays))
    print(f'| labels | {" | ".join(COLUMNS)} |\n|---|{"---|" * len(COLUMNS)}')
    for name, of_seeds in rows.items():
        mean = dict(zip(COLUMNS, np.mean(of_seeds, axis=0), strict=True))
        mean['largest gap'] = max(row[COLUMNS.index('largest gap')] for row in of_seeds)
        cells = [
            f'{value * len(of_seeds):.0f} of {len(of_seeds)}'
            if column in ('within', 'warned')
            else f'{value:.1f}'
            for column, value in mean.items()
        ]
        print(f'| {name} | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
