"""Small plans, run folders written by hand, and a training script that takes no time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from deft_mm.comparison import PlannedRun, RunFolder, RunSetting, Scheduler, plan_runs
from deft_mm.evaluation import DetectionCurve

CONFIG = """
train_dataloader = dict(dataset=dict(
    type='NoisyLabelDataset',
    dataset=dict(type='DigitsDataset', split='train', indices=24, pipeline=[]),
    noise=dict(type='SymmetricNoise', ratio=0.4, seed=0)))
randomness = dict(seed=0)
fail = hang = meet = silent = lr = new = z = None
x = dict(y=0)
model = dict(type='ImageClassifier', head=dict(type='LinearClsHead', topk=[1, 5]))
"""

# Stands in for tools/train.py: notes that it was called, and does what its options say.
TRAIN = """
import json, os, sys, time, zipfile
from pathlib import Path

arguments = sys.argv[1:]
work_dir = Path(arguments[arguments.index('--work-dir') + 1])
options = dict(o.split('=', 1) for o in arguments[arguments.index('--cfg-options') + 1:])
env = {k: os.environ.get(k) for k in ('OMP_NUM_THREADS', 'MARK', 'WORLD_SIZE')}
with open(Path(__file__).with_name('calls.jsonl'), 'a') as file:
    file.write(json.dumps(dict(arguments=arguments, env=env)) + '\\n')
if 'fail' in options:
    print('this went wrong')
    sys.exit(3)
if 'hang' in options:
    zipfile.ZipFile(work_dir / 'epoch_1.pth', 'w').close()
    print('hanging', flush=True)
    time.sleep(60)
if 'meet' in options:  # ends when as many runs are at work
    (work_dir / 'here').touch()
    runs = work_dir.parent.parent
    deadline = time.monotonic() + 30
    while len(list(runs.glob('*/*/here'))) < int(options['meet']):
        if time.monotonic() > deadline:
            sys.exit(4)
        time.sleep(0.01)
seconds = {'model training': 36.0}
epochs = [dict(epoch=1, stage='model', metrics={'accuracy/top1': 50.0})]
if 'silent' in options:
    sys.exit(0)
summary = dict(config=arguments[0], finished=True, epochs=epochs, selection=None, seconds=seconds)
(work_dir / 'summary.json').write_text(json.dumps(summary))
"""


def write_config(folder: Path, name: str = 'ce_digits_sym40.py', text: str = CONFIG) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def planned_runs(tmp_path: Path, seeds: Sequence[int] = (0,), **overrides) -> list[PlannedRun]:
    config = write_config(tmp_path / 'ce')
    return plan_runs([config], seeds, overrides=overrides)


def scheduler(tmp_path: Path, said: list[str] | None = None, **settings) -> Scheduler:
    train = tmp_path / 'train.py'
    train.write_text(TRAIN)
    say = [].append if said is None else said.append
    return Scheduler(tmp_path / 'runs', train, say=settings.pop('say', say), **settings)


def calls(tmp_path: Path) -> list[dict]:
    """What the training script was called with, in order."""
    path = tmp_path / 'calls.jsonl'
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_run(
    folder: Path,
    setting: RunSetting,
    seed: int,
    status: str = 'done',
    last: float = 0.0,
    selection: Mapping | None = None,
    made_with: tuple[str, str] = ('config', 'code'),
) -> RunFolder:
    """The files that a run of the comparison leaves."""
    run = RunFolder(folder)
    run.write_record(
        dict(
            setting=asdict(setting),
            seed=seed,
            status=status,
            seconds=7200.0,
            seedless_digest=made_with[0],
            identity=dict(config=f'{made_with[0]}{seed}', code=made_with[1], data=None),
        )
    )
    if status == 'done':
        write_summary(folder, [('model', last)], selection)
    return run


def write_summary(folder: Path, epochs: Sequence[tuple], selection=None, **changes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    epochs = [
        dict(
            epoch=i,
            stage=stage,
            metrics=value if isinstance(value, dict) else {'accuracy/top1': value},
        )
        for i, (stage, value) in enumerate(epochs, 1)
    ]
    seconds = {'model training': 1800.0, 'validation': 1800.0}
    content = dict(
        config='configs/ce/ce_digits_sym40.py',
        finished=True,
        epochs=epochs,
        selection=selection,
        seconds=seconds,
    )
    (folder / 'summary.json').write_text(json.dumps({**content, **changes}))


def write_curve(folder: Path, seed: int = 0) -> DetectionCurve:
    """A detection curve of 200 samples, a quarter of them with wrong labels."""
    draw = np.random.RandomState(seed)
    clean = np.arange(200) % 4
    given = np.where(np.arange(200) < 50, (clean + 1) % 4, clean)
    score = np.clip(np.where(given == clean, 0.7, 0.4) + 0.2 * draw.randn(200), 0, 1)
    curve = DetectionCurve.from_scores(score, given, clean)
    curve.write(folder / 'detection_curve.csv')
    return curve
