"""What a person's decisions are worth, in the order of the detector and in a random one.

On the digits with five noises, by the built-in CLIP; an oracle decides by the true labels:

    python benchmarks/accuracy/rounds.py --seeds 0 1 2

or on arrays of one's own, as of audit.py, and ``test_feature`` and ``test_labels`` beside them:

    python benchmarks/accuracy/rounds.py --arrays worse.npz

In each round the detector (AuditSelector) learns from what has been decided, and the oracle looks
at a hundred samples: those that it rejects with the lowest score, or any. ``fixed`` is how many of
them were wrong labels; ``left`` the share of labels that are wrong after the last round. The
classifier is a logistic regression on the features of the kept samples, under their labels by then;
its test accuracy stands for after 0, 1, 2 and 3 rounds. A row is the mean of the seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from audit import Arrays, add_sample_options, samples_of
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deft_mm.selection import AuditSelector, SampleTable
from deft_mm.selection.find_wrong_labels import table_of_arrays

ORDERS = ('detector', 'random')


def table_of(arrays: Arrays) -> SampleTable:
    """The samples, of which nobody has decided anything."""
    names = [str(i) for i in range(arrays['probs'].shape[1])]
    return table_of_arrays(arrays['feature'], arrays['labels'], arrays['probs'], names)


def accuracy(table: SampleTable, arrays: Arrays) -> float:
    """Test accuracy of a classifier of what is kept, in percent."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    feature = np.asarray(table.feature, dtype=np.float64)
    model.fit(feature[table.kept], table.label[table.kept])
    found = model.predict(np.asarray(arrays['test_feature'], dtype=np.float64))
    return 100 * float(np.mean(found == arrays['test_labels']))


def play(arrays: Arrays, order: str, decisions: int, rounds: int) -> list[float]:
    """One row: accuracies, errors fixed in each round, and the share of wrong labels left."""
    table, clean, draw = table_of(arrays), arrays['clean'], np.random.RandomState(0)
    accuracies, fixed = [], []
    for number in range(rounds + 1):
        kept, score = AuditSelector()(table)
        table = table.with_columns(kept=kept, score=score)
        accuracies.append(accuracy(table, arrays))
        if number == rounds:
            break
        worst = np.lexsort((table.score, ~table.rejected))
        queue = worst if order == 'detector' else draw.permutation(len(table))
        looked_at = queue[~table.decided[queue]][:decisions]
        fixed.append(100 * float(np.mean(table.label[looked_at] != clean[looked_at])))
        corrected = table.corrected_label.copy()
        corrected[looked_at] = clean[looked_at]
        table = table.with_columns(corrected_label=corrected)
    return [*accuracies, *fixed, 100 * float(np.mean(table.label != clean))]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_sample_options(parser, [0, 1, 2])
    parser.add_argument('--decisions', type=int, default=100, help='a round (%(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='how many (%(default)s)')
    args = parser.parse_args(argv)
    rows: dict[tuple[str, str], list[list[float]]] = {}
    for name, arrays in samples_of(args):
        for order in ORDERS:
            row = play(arrays, order, args.decisions, args.rounds)
            rows.setdefault((name, order), []).append(row)
    columns = [f'accuracy {i}' for i in range(args.rounds + 1)]
    columns += [f'fixed per 100, round {i + 1}' for i in range(args.rounds)]
    columns.append('left')
    print(f'| labels | order | {" | ".join(columns)} |\n|---|---|{"---|" * len(columns)}')
    for (name, order), of_seeds in rows.items():
        cells = [f'{value:.1f}' for value in np.mean(of_seeds, axis=0)]
        print(f'| {name} | {order} | {" | ".join(cells)} |')


if __name__ == '__main__':
    main()
