"""Peak memory of a detector on very many features, against scikit-learn called plainly.

python benchmarks/memory.py                               # 1,000,000 x 768, 14 classes
python benchmarks/memory.py --detector AuditSelector      # the detector is fitted seven times more
python benchmarks/memory.py --small                       # a few features; only checks agreement

Ours is what ``tools/clean.py`` does once the features are there: it selects, and writes
``selection.csv``. Features are half precision, as they are kept, 768 wide as those of a ViT-B/16.
The plain way standardises them and cross-validates the same logistic regression. It does not fit
at this size: it runs at smaller ones, and the rest is extrapolated. Each run is a process of its
own, whose peak is the system's, interpreter and libraries (about 0.9 GiB) included.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from comparison import Peaks, check_agreement, describe, fit_line, parse_args, report
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from deft_mm.selection import Fingerprint, SampleTable, build_selector, write_selection
from deft_mm.selection.class_probs import features

TOLERANCE = 1e-3
# Of the samples, where the plain way is measured.
PARTS = 20, 10


def make_features(samples: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, E) float16 in a cluster a class, and labels (N,) of which a fifth is wrong."""
    draw = np.random.default_rng(0)
    clean_N = draw.integers(classes, size=samples)
    centre_CE = draw.standard_normal((classes, width), dtype=np.float32)
    feature_NE = np.empty((samples, width), dtype=np.float16)
    for start in range(0, samples, 10_000):
        part = slice(start, start + 10_000)
        noise = draw.standard_normal(feature_NE[part].shape, dtype=np.float32)
        feature_NE[part] = centre_CE[clean_N[part]] + 4 * noise
    wrong_N = draw.random(samples) < 0.2
    return feature_NE, np.where(wrong_N, draw.integers(classes, size=samples), clean_N)


def ours(feature_NE: np.ndarray, labels: np.ndarray, classes: int, detector: str) -> None:
    """Select and write the selection."""
    samples, names = len(labels), [f'class {i}' for i in range(classes)]
    paths = [f'/data/images/class_{label:02d}/{i:08d}.jpg' for i, label in enumerate(labels)]
    probs_NC = np.full((samples, classes), 0.5 / classes, dtype=np.float32)
    probs_NC[np.arange(samples), labels] += 0.5
    table = SampleTable(
        fingerprint=Fingerprint.from_parts(names, labels, paths),
        class_names=names,
        img_path=paths,
        given_label=labels,
        feature=feature_NE,
        probs=probs_NC,
        pred_label=labels,
        pred_prob=probs_NC.max(axis=1),
    )
    kept_N, score_N = build_selector(dict(type=detector))(table)
    table = table.with_columns(kept=kept_N, score=score_N, clean_prob=score_N, method=detector)
    with tempfile.TemporaryDirectory() as folder:
        write_selection(Path(folder) / 'selection.csv', table)


def plain(feature_NE: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-validated probabilities (N, C) as scikit-learn's users write it."""
    model = LogisticRegression(C=0.01, max_iter=1000)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    x_NE = StandardScaler().fit_transform(feature_NE.astype(np.float32))
    return cross_val_predict(model, x_NE, labels, cv=folds, method='predict_proba')


def run(which: str, args: Namespace, samples: int, pipe) -> None:
    """One way, in a process of its own."""
    feature_NE, labels = make_features(samples, args.width, args.classes)
    start = time.perf_counter()
    if which == 'ours':
        ours(feature_NE, labels, args.classes, args.detector)
    else:
        plain(feature_NE, labels)
    seconds = time.perf_counter() - start
    pipe.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def measure(which: str, args: Namespace, samples: int) -> float:
    """Peak memory in bytes; prints it, and the time."""
    context = multiprocessing.get_context('spawn')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=run, args=(which, args, samples, sender))
    process.start()
    sender.close()
    try:
        seconds, peak = receiver.recv()
    except EOFError:
        process.join()
        raise SystemExit(f'{which} has ended with exit code {process.exitcode}') from None
    process.join()
    print(f'{which}, {samples:,} samples: {seconds:.0f} s, {peak / 2**30:.2f} GiB', flush=True)
    return peak


def check(width: int, classes: int) -> None:
    """Stop if a few features don't give the same both ways."""
    feature_NE, labels = make_features(600, width, classes)
    both = features(labels, classes, feature_NE), plain(feature_NE, labels)
    found, expected = (dict(probs=torch.from_numpy(probs_NC)) for probs_NC in both)
    check_agreement('cross-validated probabilities', found, expected, TOLERANCE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    args = parse_args(
        __doc__, argv, samples=1_000_000, width=768, classes=14, detector='ScoreSelector'
    )
    print(describe('cpu'))
    check(32 if args.small else args.width, 3 if args.small else args.classes)
    if args.small:
        return
    sizes = [args.samples // part for part in PARTS]
    line = fit_line([[size] for size in sizes], [measure('plain', args, size) for size in sizes])
    peaks = Peaks(line(args.samples), measure('ours', args, args.samples), extrapolated=True)
    report(f'{args.detector}, {args.samples:,} x {args.width}', peaks=peaks)


if __name__ == '__main__':
    main()
