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

With ``--fine-tune`` the classifier is that of stage 2, trained by ``tools/train.py`` on the same
samples and labels, from CLIP's weights in each round (digits only, a run of a minute each):

    python benchmarks/accuracy/rounds.py --fine-tune --noises sym40 idn40
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from audit import CONFIG, NOISES, Arrays, add_sample_options, samples_of
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from deft_mm.datasets import sample_table_of
from deft_mm.engine.launch import read_config
from deft_mm.selection import AuditSelector, SampleTable, write_selection
from deft_mm.selection.find_wrong_labels import table_of_arrays

ORDERS = ('detector', 'random')
TRAIN = Path(__file__).resolve().parents[2] / 'tools/train.py'


def table_of(arrays: Arrays) -> SampleTable:
    """The samples, of which nobody has decided anything."""
    names = [str(i) for i in range(arrays['probs'].shape[1])]
    return table_of_arrays(arrays['feature'], arrays['labels'], arrays['probs'], names)


def regression(table: SampleTable, arrays: Arrays) -> float:
    """Test accuracy of a logistic regression on what is kept, in percent."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    feature = np.asarray(table.feature, dtype=np.float64)
    model.fit(feature[table.kept], table.label[table.kept])
    found = model.predict(np.asarray(arrays['test_feature'], dtype=np.float64))
    return 100 * float(np.mean(found == arrays['test_labels']))


def fine_tuned(table: SampleTable, noise: dict, options: dict) -> float:
    """Test accuracy of stage 2 on what is kept, after its last epoch, in percent."""
    noise = {f'train_dataloader.dataset.noise.{key}': value for key, value in noise.items()}
    options = {**options, **noise, 'randomness.seed': noise['train_dataloader.dataset.noise.seed']}
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(read_config(str(CONFIG), options).train_dataloader.dataset)
    results = {name: getattr(table, name) for name in ('kept', 'score', 'corrected_label')}
    with TemporaryDirectory() as folder:
        selection = f'{folder}/selection.csv'
        write_selection(selection, sample_table_of(dataset).with_columns(**results))
        options['default_hooks.noise_filter.selection'] = selection
        pairs = [f'{key}={value}' for key, value in options.items()]
        command = [sys.executable, str(TRAIN), str(CONFIG), '--work-dir', f'{folder}/run']
        subprocess.run([*command, '--cfg-options', *pairs], check=True, stdout=subprocess.DEVNULL)
        summary = json.loads(Path(folder, 'run/summary.json').read_text())
    return summary['epochs'][-1]['metrics']['accuracy/top1']


def audited(table: SampleTable) -> SampleTable:
    """The samples with what the detector, which learns from what has been decided, says of them."""
    kept, score = AuditSelector()(table)
    return table.with_columns(kept=kept, score=score)


def play(
    table: SampleTable,
    clean: np.ndarray,
    accuracy: Callable[[SampleTable], float],
    order: str,
    decisions: int,
    rounds: int,
) -> list[float]:
    """A row without its first accuracy: those after each round, errors fixed in each, and the share
    of wrong labels left.
    """
    draw, accuracies, fixed = np.random.RandomState(0), [], []
    for _ in range(rounds):
        worst = np.lexsort((table.score, ~table.rejected))
        queue = worst if order == 'detector' else draw.permutation(len(table))
        looked_at = queue[~table.decided[queue]][:decisions]
        fixed.append(100 * float(np.mean(table.label[looked_at] != clean[looked_at])))
        corrected = table.corrected_label.copy()
        corrected[looked_at] = clean[looked_at]
        table = audited(table.with_columns(corrected_label=corrected))
        accuracies.append(accuracy(table))
    return [*accuracies, *fixed, 100 * float(np.mean(table.label != clean))]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_sample_options(parser, [0, 1, 2])
    parser.add_argument('--decisions', type=int, default=100, help='a round (%(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='how many (%(default)s)')
    parser.add_argument('--fine-tune', action='store_true', help='train stage 2 after each round')
    args = parser.parse_args(argv)
    if args.fine_tune and args.arrays:
        parser.error('--fine-tune needs images: leave --arrays out.')
    rows: dict[tuple[str, str], list[list[float]]] = {}
    for name, seed, arrays in samples_of(args):
        accuracy = partial(regression, arrays=arrays)
        if args.fine_tune:
            noise = dict(NOISES[name], seed=seed)
            accuracy = partial(fine_tuned, noise=noise, options=dict(clip=args.clip))
        table = audited(table_of(arrays))
        first = accuracy(table)
        for order in ORDERS:
            row = play(table, arrays['clean'], accuracy, order, args.decisions, args.rounds)
            row.insert(0, first)
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
