"""Measure DeFT, label-match and cross entropy on the digits: the table in the README.

python tools/measure_digits.py --seeds 0 1 2 3 4

A seed is that of the noise and of training. Runs that are already in the work directory are not
made again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS
from torch.utils.data import DataLoader

from deft_mm.datasets import evaluation_view, scoring_collate
from deft_mm.evaluation import detection_metrics

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = dict(deft='configs/deft/deft_digits_sym40.py', ce='configs/ce/ce_digits_sym40.py')
TEMPLATE = 'a photo of a {}.'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Measure the methods on the digits')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument('--ratios', nargs='+', type=float, default=[0.2, 0.4])
    parser.add_argument('--work-dir', default='work_dirs/measure_digits')
    return parser.parse_args()


def train(method: str, ratio: float, seed: int, work_dir: Path) -> dict:
    """Run a config to its end, in a process of its own, and read its summary."""
    folder = work_dir / f'{method}_sym{100 * ratio:.0f}_seed{seed}'
    if not (folder / 'finished').is_file():
        noise = 'train_dataloader.dataset.noise'
        options = [f'{noise}.ratio={ratio}', f'{noise}.seed={seed}', f'randomness.seed={seed}']
        command = [sys.executable, 'tools/train.py', CONFIGS[method], '--work-dir', str(folder)]
        subprocess.run(
            [*command, '--cfg-options', *options, 'default_hooks.checkpoint.interval=1000'],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        (folder / 'finished').touch()
    return json.loads((folder / 'summary.json').read_text())


@torch.no_grad()
def label_match_f1(ratio: float, seed: int) -> float:
    """F1 of keeping the samples whose label is the zero-shot prediction of the built-in CLIP."""
    cfg = Config.fromfile(ROOT / CONFIGS['deft'])
    cfg.train_dataloader.dataset.noise.update(ratio=ratio, seed=seed)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        model = MODELS.build(
            dict(
                type='ImageClassifier',
                data_preprocessor=cfg.data_preprocessor,
                backbone=dict(type='CLIPVisionTransformer', clip='tiny'),
                head=dict(
                    type='ZeroShotHead',
                    clip='tiny',
                    num_classes=10,
                    class_names=dataset.metainfo['classes'],
                    template=TEMPLATE,
                ),
            )
        ).eval()
        view = evaluation_view(dataset, cfg.val_dataloader.dataset.pipeline)
    batches = DataLoader(view, batch_size=256, collate_fn=scoring_collate)
    predicted = torch.cat([s.pred_label for batch in batches for s in model.test_step(batch)])
    kept = predicted.numpy() == dataset.given_labels
    return detection_metrics(kept, dataset.given_labels, dataset.clean_labels)['f1']


def accuracies(summary: dict, stage: str) -> tuple[float, float]:
    """Last and best test accuracy of a stage."""
    values = [e['metrics']['accuracy/top1'] for e in summary['epochs'] if e['stage'] == stage]
    return values[-1], max(values)


def measure(ratio: float, seed: int, work_dir: Path) -> dict[str, float]:
    """All figures of one noise ratio and seed."""
    deft, ce = (train(method, ratio, seed, work_dir) for method in ('deft', 'ce'))
    figures = {'label-match F1': label_match_f1(ratio, seed), 'DeFT F1': deft['selection']['f1']}
    figures['DeFT last'], figures['DeFT best'] = accuracies(deft, 'classifier')
    figures['CE last'], figures['CE best'] = accuracies(ce, 'model')
    return figures


def main() -> None:
    args = parse_args()
    rows = []
    for ratio in args.ratios:
        results = [measure(ratio, seed, Path(args.work_dir)) for seed in args.seeds]
        if not rows:
            rows += [
                '| noise | ' + ' | '.join(results[0]) + ' |',
                '|---' * (len(results[0]) + 1) + '|',
            ]
        cells = [[result[name] for result in results] for name in results[0]]
        spread = [f' ± {stdev(cell):.1f}' if len(cell) > 1 else '' for cell in cells]
        values = [f'{mean(cell):.1f}{text}' for cell, text in zip(cells, spread, strict=True)]
        rows.append(f'| sym {ratio} | ' + ' | '.join(values) + ' |')
    print('\n'.join(rows))


if __name__ == '__main__':
    main()
