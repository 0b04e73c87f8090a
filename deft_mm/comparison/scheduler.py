"""Making the runs that are missing, some at a time, each in a process of its own."""

from __future__ import annotations

import os
import platform
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from statistics import mean

import mmengine
import mmpretrain
import torch

from deft_mm.comparison.identity import DataDigests, code_version, config_digest
from deft_mm.comparison.plan import PlannedRun
from deft_mm.comparison.run_folder import SUMMARY_FILE, RunFolder
from deft_mm.run_lock import RunLock, is_held
from deft_mm.version import __version__

# Seconds between two looks at the processes, and from asking them to end to ending them.
_POLL = 0.1
_PATIENCE = 20


@dataclass
class _Job:
    run: PlannedRun
    folder: RunFolder
    lock: RunLock
    record: dict
    process: subprocess.Popen
    slot: int
    start: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        """What the run has taken, the attempts before this one included."""
        return self.record['seconds'] + time.perf_counter() - self.start


@dataclass
class Scheduler:
    """Runs what is missing, resumes what was interrupted, and leaves alone what is done.

    A run is done if its ``summary.json`` says that it has finished and its record is of the same
    config, code and data. One that is done with something else is outdated: it is kept, or made
    again with its old folder moved aside.
    Failed runs are tried again. Several schedulers may share a work directory, on several machines,
    too, where their common file system has locks; each run is made by one of them.

    Args:
        work_dir (str | Path): Where the folders of the runs are.
        train (str | Path): The training script, ``tools/train.py``.
        jobs (int): Runs at a time. Defaults to 1.
        gpus (int, optional): Processes of each run, started with ``torch.distributed.run``. None
            for a plain process. Defaults to None.
        prefix (Sequence[str]): What the command begins with, for example ['srun', '-n', '8'].
            Defaults to ().
        launcher (str, optional): ``--launcher`` of the training script, where the prefix starts
            several processes. Defaults to None.
        rerun_outdated (bool): Make outdated runs again. Defaults to False.
        reads_data (bool): Read the data sets, to notice that they have changed. Defaults to True.
        say (Callable): Takes the lines that report progress. Defaults to ``print``.

    Attributes:
        data (DataDigests): What was read of the data sets.
        why (dict[str, str]): By the name of a run what it was made with another one of, or what is
            damaged; empty where neither is.
    """

    work_dir: str | Path
    train: str | Path
    jobs: int = 1
    gpus: int | None = None
    prefix: Sequence[str] = ()
    launcher: str | None = None
    rerun_outdated: bool = False
    reads_data: bool = True
    say: Callable[[str], None] = print

    def __post_init__(self) -> None:
        for name, number in dict(
            jobs=self.jobs, gpus=1 if self.gpus is None else self.gpus
        ).items():
            if number < 1:
                raise ValueError(f'{name} is {number}: give 1 or more.')
        if self.gpus is not None and (self.prefix or self.launcher):
            raise ValueError(
                'gpus starts the processes of a run itself: leave out the prefix and the launcher, '
                'or gpus.'
            )
        self.data = DataDigests()
        self.why: dict[str, str] = {}
        outdated = ['outdated'] if self.rerun_outdated else []
        self._wanted = ('missing', 'interrupted', 'failed', *outdated)
        self._active: list[_Job] = []
        # What finished runs took, by their config.
        self._seconds: dict[str, list[float]] = {}
        # What the lines on a run begin with.
        self._number: dict[str, str] = {}

    def survey(self, runs: Sequence[PlannedRun]) -> dict[str, str]:
        """Find out what there is to do.

        Args:
            runs (Sequence[PlannedRun]): The runs of the comparison.

        Returns:
            dict[str, str]: State by the name of the run: 'done', 'outdated', 'missing',
            'interrupted', 'failed', 'running' for those of another process, or 'damaged' for those
            that are left alone; see :attr:`why`.
        """
        return {run.name: self._state(run) for run in runs}

    def run(self, runs: Sequence[PlannedRun]) -> dict[str, str]:
        """Make what is missing.

        When interrupted (Ctrl-C), it ends the processes of the runs that it has started and marks
        them, so that the next call resumes them.

        Args:
            runs (Sequence[PlannedRun]): The runs of the comparison, in the order to make them.

        Returns:
            dict[str, str]: State of every run afterwards, see :meth:`survey`.
        """
        states = self.survey(runs)
        waiting = deque(run for run in runs if states[run.name] in self._wanted)
        self._seconds = {}
        for run in runs:
            if states[run.name] == 'done':
                self._note_seconds(run, self._folder(run).read_record()['seconds'])
        self._number = {run.name: f'[{i}/{len(waiting)}]' for i, run in enumerate(waiting, 1)}
        try:
            while waiting or self._active:
                while waiting and len(self._active) < self.jobs:
                    run = waiting.popleft()
                    states[run.name] = self._start(run)
                for job in [job for job in self._active if job.process.poll() is not None]:
                    states[job.run.name] = self._finish(job, waiting)
                if not waiting and not self._active:
                    # What other processes have left undone is to be made here.
                    for run in [run for run in runs if states[run.name] == 'running']:
                        states[run.name] = self._state(run)
                        if states[run.name] in self._wanted:
                            self._number[run.name] = '[left by another process]'
                            waiting.append(run)
                time.sleep(_POLL if self._active else 0)
        finally:
            self._interrupt()
        return states

    def _folder(self, run: PlannedRun) -> RunFolder:
        return RunFolder(Path(self.work_dir, run.name))

    def _identity(self, run: PlannedRun) -> dict[str, str | None]:
        data = self.data.of(run.cfg) if self.reads_data else None
        return dict(config=config_digest(run.cfg), code=code_version(run.cfg), data=data)

    def _state(self, run: PlannedRun) -> str:
        return 'running' if is_held(self._folder(run).lock_path) else self._free_state(run)

    def _free_state(self, run: PlannedRun) -> str:
        folder = self._folder(run)
        if folder.is_busy():
            return 'running'
        state, self.why[run.name] = folder.state(self._identity(run))
        return state

    def _say(self, run: PlannedRun, text: str) -> None:
        self.say(f'{self._number[run.name]} {run.name}: {text}')

    def _start(self, run: PlannedRun) -> str:
        """Start a run, unless another process has it, or has made it since."""
        folder = self._folder(run)
        lock = RunLock.acquire(folder.lock_path)
        if lock is None:
            self._say(run, 'another process works on it')
            return 'running'
        try:
            state = self._free_state(run)
            if state not in self._wanted:
                lock.release()
                return state
            checkpoint = folder.checkpoint() if state in ('interrupted', 'failed') else None
            if checkpoint is None and folder.has_results():
                self._say(run, f'moved aside to {folder.move_aside().name}')
            self._launch(run, folder, lock, checkpoint)
        except BaseException:
            lock.release()
            raise
        resumed = '' if checkpoint is None else f', resumed from {checkpoint.name}'
        self._say(run, f'started{resumed}')
        return 'running'

    def _launch(
        self, run: PlannedRun, folder: RunFolder, lock: RunLock, checkpoint: Path | None
    ) -> None:
        used = {job.slot for job in self._active}
        slot = next(slot for slot in range(self.jobs) if slot not in used)
        command = self._command(run, folder, checkpoint)
        before = {} if checkpoint is None else folder.read_record()
        record = dict(
            name=run.name,
            setting=asdict(run.setting),
            seed=run.seed,
            config=run.config,
            arguments=list(run.arguments),
            identity=self._identity(run),
            seedless_digest=run.seedless_digest,
            status='running',
            attempts=before.get('attempts', 0) + 1,
            started=_now(),
            ended=None,
            seconds=before.get('seconds', 0.0),
            exit_code=None,
            error=None,
            command=shlex.join(command),
            host=socket.gethostname(),
            versions=dict(
                deft_mm=__version__,
                python=platform.python_version(),
                torch=torch.__version__,
                mmengine=mmengine.__version__,
                mmpretrain=mmpretrain.__version__,
            ),
        )
        folder.write_record(record)
        with folder.log_path.open('ab') as log:
            log.write(f'$ {record["command"]}\n'.encode())
            log.flush()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(slot),
                # Ctrl-C is for this process, which then ends them.
                start_new_session=True,
                pass_fds=lock.inherited,
            )
        self._active.append(_Job(run, folder, lock, record, process, slot))

    def _command(self, run: PlannedRun, folder: RunFolder, checkpoint: Path | None) -> list[str]:
        command = [*self.prefix, sys.executable]
        if self.gpus is not None:
            # `standalone` finds a free port.
            command += ['-m', 'torch.distributed.run', '--standalone']
            command += [f'--nproc_per_node={self.gpus}']
        command += [str(self.train), run.config, '--work-dir', str(folder.path)]
        launcher = self.launcher if self.gpus is None else 'pytorch'
        if launcher is not None:
            command += ['--launcher', launcher]
        if checkpoint is not None:
            command += ['--resume', str(checkpoint)]
        return [*command, '--cfg-options', *run.arguments]

    def _environment(self, slot: int) -> dict[str, str]:
        """Share the machine among the runs at a time; a prefix takes them elsewhere."""
        env = dict(os.environ, PYTHONUNBUFFERED='1')
        if self.jobs == 1 or self.prefix:
            return env
        affinity = getattr(os, 'sched_getaffinity', None)  # not on every system
        cores = len(affinity(0)) if affinity else os.cpu_count() or 1
        env.setdefault('OMP_NUM_THREADS', str(max(1, cores // self.jobs)))
        count, needed = torch.cuda.device_count(), self.gpus or 1
        if count > needed:
            visible = os.environ.get('CUDA_VISIBLE_DEVICES')
            names = visible.split(',') if visible else list(map(str, range(count)))
            mine = [names[(slot * needed + i) % count] for i in range(needed)]
            env['CUDA_VISIBLE_DEVICES'] = ','.join(mine)
        return env

    def _finish(self, job: _Job, waiting: Sequence[PlannedRun]) -> str:
        code, passed = job.process.returncode, duration(time.perf_counter() - job.start)
        status = 'done' if code == 0 and job.folder.state()[0] == 'done' else 'failed'
        self._close(job, status)
        if status == 'done':
            self._note_seconds(job.run, job.record['seconds'])
            text = f'done in {passed}'
        else:
            text = f'FAILED after {passed} (exit code {code}), see {job.folder.log_path}'
            if code == 0:
                text += (
                    f': it has written no {SUMMARY_FILE} that says `finished`, which takes '
                    "default_hooks.summary=dict(type='SummaryHook') in the config"
                )
        self._say(job.run, f'{text}; {self._remaining(waiting)}')
        return status

    def _close(self, job: _Job, status: str) -> None:
        job.record.update(
            status=status,
            exit_code=job.process.returncode,
            seconds=job.seconds(),
            ended=_now(),
            error=job.folder.last_lines() if status == 'failed' else None,
        )
        job.folder.write_record(job.record)
        self._active.remove(job)
        job.lock.release()

    def _interrupt(self) -> None:
        """End the processes that are left, and mark their runs."""
        for job in self._active:
            _send(job.process, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE
        for job in list(self._active):
            try:
                job.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _send(job.process, signal.SIGKILL if os.name == 'posix' else signal.SIGTERM)
                job.process.wait()
            self._close(job, 'interrupted')
            self._say(job.run, 'interrupted')

    def _note_seconds(self, run: PlannedRun, seconds: float) -> None:
        if seconds > 0:  # it is not known of a run that outlived its scheduler
            self._seconds.setdefault(run.config, []).append(seconds)

    def _remaining(self, waiting: Sequence[PlannedRun]) -> str:
        """How much is left, judged by finished runs of the same config, else of all."""
        left = [(run, 0.0) for run in waiting]
        left += [(job.run, job.seconds()) for job in self._active]
        every = [seconds for known in self._seconds.values() for seconds in known]
        if not left or not every:
            return f'{len(left) or "none"} left'
        total = sum(
            max(0.0, mean(self._seconds.get(run.config, every)) - spent) for run, spent in left
        )
        return f'{len(left)} left, about {duration(total / min(self.jobs, len(left)))}'


def duration(seconds: float) -> str:
    """Write a duration for people: '31 s', '12 min' or '3 h 05 min'."""
    if seconds < 120:
        return f'{seconds:.0f} s'
    hours, minutes = divmod(round(seconds / 60), 60)
    return f'{hours} h {minutes:02d} min' if hours else f'{minutes} min'


def _send(process: subprocess.Popen, number: int) -> None:
    """Send a signal to a process and all that it has started in its session."""
    if process.poll() is not None:
        return
    if os.name == 'posix':
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')
