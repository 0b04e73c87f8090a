"""The closing summary of a DeFT run, on screen and as a file."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS

from deft_mm.engine.stage_switch import bare_model, is_resuming, is_training
from deft_mm.engine.work_folder import RESOLVED_CONFIG, SUMMARY_FILE
from deft_mm.evaluation import DETECTION_METRICS
from deft_mm.fileio import require_file_name, write_atomically
from deft_mm.main_process import on_main_process
from deft_mm.next_command import command_line, find_tool
from deft_mm.user_file import parse_json

_STATE = 'summary'


@HOOKS.register_module()
class SummaryHook(Hook):
    """Print detection metrics, accuracies, files, times and next commands when training ends.

    The same figures are written to ``summary.json`` in the work directory after every validation,
    so that an interrupted run has them too, and to every checkpoint. A resumed run goes on with
    those of both up to its epoch. If the epoch's validation is missing, since the run was killed
    before it, that is made first.

    Example:

        .. code:: python

            default_hooks = dict(summary=dict(type='SummaryHook'))

    Args:
        metric (str): The validation metric to summarise; where it is missing (several validation
            sets), all that end in it. Defaults to 'accuracy/top1'.
        out_file (str): Name of the file in the work directory. Defaults to 'summary.json'.

    Raises:
        ValueError: If ``out_file`` is no name of a file in ``.json``.
    """

    # After every other hook: what they did belongs to the time of a phase, and their files are
    # named here.
    priority = 'LOWEST'

    def __init__(self, metric: str = 'accuracy/top1', out_file: str = SUMMARY_FILE) -> None:
        require_file_name('SummaryHook: out_file', out_file, SUMMARY_FILE)
        self.metric = metric
        self.out_file = out_file
        self._saved: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Start anew or, on a resume, with what is known of the epochs before."""
        self._path = Path(runner.work_dir) / self.out_file
        self._epochs: list[dict] = []
        # The selection's figures, by the number of epochs finished before it.
        self._detection: dict[int, dict] = {}
        self._seconds: dict[str, float] = {}
        if is_resuming(runner):
            self._go_on(runner)
        self._tick = time.perf_counter()
        if is_resuming(runner) and self._lacks_validation(runner):
            runner.logger.info(f'Validating epoch {runner.epoch}, which was not done before.')
            runner.val_loop.run()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs to know of the epochs before."""
        if hasattr(self, '_epochs'):
            # Plain types, as the file has them.
            checkpoint[_STATE] = json.loads(json.dumps(self._figures(runner)))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take it over, for a resume."""
        self._saved = checkpoint.get(_STATE)

    def _go_on(self, runner: Runner) -> None:
        epochs: dict[int, dict] = {}
        for known in filter(None, (self._saved, on_main_process(self._read))):
            for entries, name in ((epochs, 'epochs'), (self._detection, 'detection')):
                entries.update((e['epoch'], e) for e in known[name] if e['epoch'] <= runner.epoch)
            self._seconds = dict(known['seconds'])
        self._epochs = [epochs[epoch] for epoch in sorted(epochs)]

    def _read(self) -> dict | None:
        """Read the file; put one aside that is damaged."""
        if not self._path.is_file():
            return None
        try:
            written = parse_json(self._path.read_bytes())
            # What is read of it.
            _ = [entry['epoch'] for name in ('epochs', 'detection') for entry in written[name]]
            _ = sum(written['seconds'].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            aside = self._path.with_name(f'{self._path.name}.damaged')
            self._path.replace(aside)
            print_log(
                f'{self._path} is damaged ({type(error).__name__}: {error}) and was renamed to '
                f'{aside.name}. The figures are those of the checkpoint.',
                logger='current',
                level=logging.WARNING,
            )
            return None
        return written

    def _lacks_validation(self, runner: Runner) -> bool:
        """Whether the loop would have validated at the end of the epoch that is resumed from."""
        loop, epoch = runner.train_loop, runner.epoch
        if not isinstance(loop, EpochBasedTrainLoop) or runner.val_loop is None:
            return False
        loop._decide_current_val_interval()
        due = epoch % loop.val_interval == 0 or epoch == runner.max_epochs
        is_known = any(entry['epoch'] == epoch for entry in self._epochs)
        return epoch >= max(loop.val_begin, 1) and due and not is_known

    def before_train_epoch(self, runner: Runner) -> None:
        """Book the time since the last event: start-up, validation, or scoring."""
        self._book('scoring and switch')

    def after_train_epoch(self, runner: Runner) -> None:
        """Book the epoch's time."""
        self._book(f'{self._stage(runner)} training')

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """Take over the epoch's metrics, when called from within training."""
        if not is_training(runner) or not hasattr(self, '_epochs'):
            return
        self._book('validation')
        self._epochs.append(
            dict(epoch=runner.epoch, stage=self._stage(runner), metrics=self._pick(metrics or {}))
        )
        self._write(runner, finished=False)

    def after_train(self, runner: Runner) -> None:
        """Print the summary."""
        self._book('scoring and switch')
        self._write(runner, finished=True)
        runner.logger.info('\n'.join(['Summary', *self._lines(runner)]))

    def _book(self, phase: str) -> None:
        now = time.perf_counter()
        self._seconds[phase] = self._seconds.get(phase, 0.0) + now - self._tick
        self._tick = now

    @staticmethod
    def _stage(runner: Runner) -> str:
        return getattr(bare_model(runner), 'active_stage', 'model')

    def _pick(self, metrics: dict) -> dict[str, float]:
        names = [
            name for name in metrics if name == self.metric or name.endswith(f'/{self.metric}')
        ]
        return {name: float(metrics[name]) for name in names}

    def _figures(self, runner: Runner) -> dict:
        report = runner.message_hub.get_info('noise_filter')
        if report is not None:
            self._detection[report['epoch']] = report
        return dict(
            epochs=self._epochs,
            selection=report,
            detection=list(self._detection.values()),
            seconds=self._seconds,
        )

    def _write(self, runner: Runner, finished: bool) -> None:
        figures = self._figures(runner)
        if is_main_process():
            content = dict(
                config=runner.cfg.filename,
                finished=finished,
                **figures,
                files=self._files(runner),
            )
            write_atomically(json.dumps(content, indent=2).encode(), self._path)

    def _lines(self, runner: Runner) -> list[str]:
        lines = []
        report = runner.message_hub.get_info('noise_filter')
        if report is not None:
            lines.append(f'  kept samples       {report["kept"]} of {report["total"]}')
            if 'f1' in report:
                figures = ', '.join(f'{key} {report[key]:.2f}' for key in DETECTION_METRICS)
                lines.append(f'  detection          {figures}')
        for stage in dict.fromkeys(entry['stage'] for entry in self._epochs):
            entries = [entry for entry in self._epochs if entry['stage'] == stage]
            for name in entries[-1]['metrics']:
                values = [(entry['metrics'][name], entry['epoch']) for entry in entries]
                (last, _), (best, at) = values[-1], max(values)
                lines.append(f'  {stage:18} {name} last {last:.2f}  best {best:.2f} (epoch {at})')
        times = ', '.join(f'{phase} {value:.0f} s' for phase, value in self._seconds.items())
        lines.append(f'  time               {times}')
        named = self._files(runner) | self._next_commands(runner)
        lines.extend(f'  {what:18} {text}' for what, text in named.items())
        return lines

    def _files(self, runner: Runner) -> dict[str, str]:
        work_dir = Path(runner.work_dir)
        report = runner.message_hub.get_info('noise_filter') or {}
        written = zip(('selection file', 'detection curve'), report.get('files', []), strict=False)
        files = {what: str(work_dir / name) for what, name in written}
        checkpoint = runner.message_hub.get_info('last_ckpt')
        if checkpoint is not None:
            files['last checkpoint'] = str(checkpoint)
        files['figures'] = str(self._path)
        return files

    def _next_commands(self, runner: Runner) -> dict[str, str]:
        """What to do with the selection and the classifier, where the run has left any."""
        work_dir, commands = Path(runner.work_dir), {}
        report = runner.message_hub.get_info('noise_filter') or {}
        review, predict = find_tool('review.py'), find_tool('predict.py')
        if report.get('files') and review is not None:
            name = report['files'][0]
            given = [work_dir] if name == 'selection.csv' else ['--selection', work_dir / name]
            commands['review'] = command_line(review, *given)
        checkpoint = Path(runner.message_hub.get_info('last_ckpt') or '')
        # One that was sent to an address is no file.
        if checkpoint.is_file() and predict is not None:
            config = work_dir / Path(runner.cfg.filename or 'config.py').name
            is_beside = (checkpoint.parent / RESOLVED_CONFIG).is_file()
            given = [] if is_beside else ['--config', config]
            if is_beside or config.is_file():
                commands['use'] = command_line(predict, checkpoint, 'IMAGES', *given)
        return commands
