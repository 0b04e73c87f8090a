"""A training that is disturbed, taken up again, and compared with one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from runner_utils import tiny

# Everything with DEFT_MM_FAULTS=all, a sample without.
WHOLE = os.environ.get('DEFT_MM_FAULTS') == 'all'
EPOCHS = 4
# How long something took, and what names the moment at which it was made.
_TIMES = {'time', 'data_time', 'iter_time', 'eta', 'seconds', 'created', 'experiment_name', 'cfg'}


class ForkServer:
    """Trainings in processes that are forked from one which has imported everything."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name('fork_server.py'))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={'OMP_NUM_THREADS': '1', 'PATH': '', 'PYTHONWARNINGS': 'ignore'},
        )
        while self._process.stdout.readline() != 'ready\n':
            assert self._process.poll() is None

    def train(
        self,
        config: Path,
        folder: Path,
        *options: str,
        processes: int = 1,
        together: bool = True,
        faults: dict[int, dict] | None = None,
        timeout: float = 120,
        patience: float = 15,
    ) -> list[int | None]:
        """Train in a folder; return the exit codes of the processes."""
        order = dict(
            arguments=[str(config), '--work-dir', str(folder), *options],
            log=f'{folder}.log',
            processes=processes,
            together=together,
            faults={
                rank: dict(fault, folder=str(folder)) for rank, fault in (faults or {}).items()
            },
            timeout=timeout,
            patience=patience,
        )
        self._process.stdin.write(json.dumps(order) + '\n')
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def write_config(folder: Path, **options: Any) -> Path:
    """The smallest run that has everything: two epochs a stage, checkpoints that are removed."""
    cfg = tiny(
        'deft/deft_digits_sym40.py',
        folder / 'unused',
        num_samples=20,
        train_cfg__max_epochs=EPOCHS,
        default_hooks__noise_filter__detector_epochs=2,
        default_hooks__noise_filter__selector=dict(type='KeepEvenIndices'),
        default_hooks__checkpoint__max_keep_ckpts=2,
        custom_imports=dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False),
        **options,
    )
    path = folder / 'config.py'
    cfg.dump(path)
    return path


def result_of(folder: Path) -> dict[str, Any]:
    """Everything that a finished run leaves, but times and the names of moments."""
    checkpoints = sorted(path.name for path in folder.glob('*.pth'))
    newest = torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=True)
    # But the scalars of validations, which come after the checkpoint of their epoch.
    hub = newest['message_hub']
    hub['log_scalars'] = {k: v for k, v in hub['log_scalars'].items() if k.startswith('train/')}
    del hub['resumed_keys']
    summary = json.loads((folder / 'summary.json').read_text())
    rows = (folder / 'selection.csv').read_text().splitlines()
    content = dict(
        checkpoint=newest,
        checkpoints=checkpoints,
        pointer=Path((folder / 'last_checkpoint').read_text()).name,
        summary=summary,
        selection=[row for row in rows if not row.startswith('# created')],
        curve=(folder / 'detection_curve.csv').read_text(),
        config=json.loads((folder / 'config.json').read_text()),
        hidden=sorted(path.name for path in folder.glob('.*')),
        aside=sorted(path.name for path in folder.glob('*.damaged')),
    )
    content['config'].pop('resume')
    return _plain(content, str(folder))


def differences(one: Any, two: Any, where: str = '') -> list[str]:
    """Where two results differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        found = [f'{where}: {key}' for key in one.keys() ^ two.keys()]
        for key in one.keys() & two.keys():
            found += differences(one[key], two[key], f'{where}.{key}')
        return found
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        if len(one) != len(two):
            return [f'{where}: {len(one)} and {len(two)}: {one} {two}'[:300]]
        pairs = enumerate(zip(one, two, strict=True))
        return [text for i, (a, b) in pairs for text in differences(a, b, f'{where}[{i}]')]
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return [] if torch.equal(one.nan_to_num(-1), two.nan_to_num(-1)) else [where]
    return [] if one == two else [f'{where}: {one!r} and {two!r}'[:300]]


def _plain(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _plain(item, folder)
            for key, item in value.items()
            if str(key).rpartition('/')[2] not in _TIMES
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, folder) for item in value]
    return value.replace(folder, 'FOLDER') if isinstance(value, str) else value
