"""From a model to a selection: score every training sample, decide, write it down, report it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import Runner, autocast
from mmpretrain.registry import TRANSFORMS
from torch import nn
from torch.utils.data import Dataset

from deft_mm.datasets import (
    class_names_of,
    clean_labels_of,
    dataset_fingerprint,
    given_labels_of,
    img_paths_of,
)
from deft_mm.engine.config_walk import pipeline_of
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.evaluation import DetectionCurve, detection_metrics
from deft_mm.selection import (
    SampleScores,
    Selection,
    SelectionLimits,
    Selector,
    write_selection,
)

CURVE_FILE = 'detection_curve.csv'


class SelectionPass:
    """Everything that a run needs in order to select from its training set, any number of times.

    Args:
        selector (Selector): Decides which samples are kept.
        limits (SelectionLimits, optional): Corrects what rejects too much or too little. Defaults
            to None.
        pipeline (list[dict], optional): Transforms of the scoring pass. None takes those of the
            validation data. Defaults to None.
        batch_size (int, optional): Batch size in each process. None takes that of the validation
            data. Defaults to None.
        num_workers (int, optional): Data-loading workers. None takes those of the validation data.
            Defaults to None.
        out_file (str): Selection file, within the work directory. Defaults to 'selection.csv'.
        skip_unreadable (bool): Reject images that can't be read instead of stopping. Defaults to
            False.
    """

    def __init__(
        self,
        selector: Selector,
        limits: SelectionLimits | None = None,
        pipeline: list | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        out_file: str = 'selection.csv',
        skip_unreadable: bool = False,
    ) -> None:
        self.selector = selector
        self.limits = limits
        self.pipeline_cfg = pipeline
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.out_file = out_file
        self.skip_unreadable = skip_unreadable

    def prepare(self, runner: Runner, dataset: Dataset) -> None:
        """Take over the data set, and check what can be checked before training.

        Args:
            runner (Runner): The runner, its config and logger.
            dataset (Dataset): The whole training set.

        Raises:
            ValueError: If there are no transforms to score with.
        """
        self.dataset = dataset
        self.fingerprint = dataset_fingerprint(dataset)
        self.clean_labels = clean_labels_of(dataset)
        if self.clean_labels is not None:
            share = 100 * (self.clean_labels != given_labels_of(dataset)).mean()
            runner.logger.info(
                f'The config adds label noise: {share:.1f}% of the labels are wrong.'
            )
        if self.selector.needs_scores:
            cfgs = self.pipeline_cfg or _validation_pipeline(runner)
            self.pipeline = [TRANSFORMS.build(cfg) for cfg in cfgs]

    def __call__(
        self, runner: Runner, scorer: nn.Module, optim_wrapper=None, epoch: int | None = None
    ) -> Selection:
        """Score all samples and select; writes the selection file and reports the outcome.

        Args:
            runner (Runner): The runner.
            scorer (nn.Module): The classifier that scores.
            optim_wrapper (OptimWrapper, optional): That of its training, whose precision is used.
                Defaults to None.
            epoch (int, optional): Number of finished epochs, for the report; None for
                ``runner.epoch``. Defaults to None.

        Returns:
            Selection: What is kept, the same in every process; possibly nothing.
        """
        start = time.perf_counter()
        self.selector.set_epoch(runner.epoch if epoch is None else epoch)
        scores = self._score(runner, scorer, optim_wrapper)
        kept, score = _agree(lambda: self._decide(scores))
        scores.clean_prob = score
        selection = Selection.from_scores(
            scores,
            kept,
            img_path=img_paths_of(self.dataset),
            class_names=class_names_of(self.dataset),
            fingerprint=self.fingerprint,
            method=type(self.selector).__name__,
            config=Path(runner.cfg.filename or '').name,
        )
        path = Path(runner.work_dir) / self.out_file
        # Written even where nothing is kept: its scores show why.
        _agree(lambda: write_selection(path, selection))
        runner.logger.info(f'Selection file: {path}')
        self.report(runner, selection, time.perf_counter() - start, epoch)
        return selection

    def _score(self, runner: Runner, scorer: nn.Module, optim_wrapper) -> SampleScores:
        val = runner.cfg.get('val_dataloader') or {}
        workers = val.get('num_workers', 0) if self.num_workers is None else self.num_workers
        with _precision_of(optim_wrapper):
            scores = score_samples(
                scorer,
                self.dataset,
                self.pipeline,
                batch_size=self.batch_size or val.get('batch_size', 64),
                num_workers=workers,
                skip_unreadable=self.skip_unreadable,
                needs=self.selector.needs,
            )
        unreadable = int((~scores.readable).sum())
        if unreadable:
            runner.logger.warning(
                f'{unreadable} of {len(scores)} images could not be read and are rejected.'
            )
        return scores

    def _decide(self, scores: SampleScores) -> tuple[np.ndarray, np.ndarray]:
        """Which samples are kept, and the selector's score of each."""
        kept = self.selector.select(scores, self.fingerprint) & scores.readable
        score = self.selector.score(scores)
        if self.limits is not None:
            kept = self.limits.apply(kept, score, scores.given_label, scores.readable)
        return kept, score

    def report(
        self, runner: Runner, selection: Selection, seconds: float, epoch: int | None = None
    ) -> None:
        """Log what is kept and, where the true labels are known, how right that is.

        The figures go to the message hub, for the summary, and with the scores' whole curve to
        ``detection_curve.csv`` in the work directory.

        Args:
            runner (Runner): The runner.
            selection (Selection): What is kept.
            seconds (float): How long it took.
            epoch (int, optional): Number of finished epochs; None for ``runner.epoch``. Defaults to
                None.
        """
        epoch = runner.epoch if epoch is None else epoch
        kept, given = selection.kept, selection.given_label
        report = dict(epoch=epoch, kept=int(kept.sum()), total=len(kept), seconds=seconds)
        text = f'Kept {report["kept"]} of {report["total"]} samples ({seconds:.1f} s)'
        if self.clean_labels is not None:
            metrics = detection_metrics(kept, given, self.clean_labels)
            report.update({name: metrics[name] for name in ('precision', 'recall', 'f1')})
            text += (
                f': detection precision {metrics["precision"]:.2f}, '
                f'recall {metrics["recall"]:.2f}, F1 {metrics["f1"]:.2f}'
            )
            curve = DetectionCurve.from_scores(selection.clean_prob, given, self.clean_labels)
            report.update(auroc=curve.auroc, average_precision=curve.average_precision)
            text += f', AUROC of the scores {curve.auroc:.2f}'
            if is_main_process():
                curve.write(Path(runner.work_dir) / CURVE_FILE)
        runner.message_hub.update_info('noise_filter', report)
        scalars = {
            f'detection/{name}': report[name]
            for name in ('precision', 'recall', 'f1', 'auroc')
            if name in report
        }
        if scalars:
            runner.visualizer.add_scalars(scalars, step=epoch)
        runner.logger.info(text)


def _agree(act: Callable[[], Any]) -> Any:
    """Let the main process act for all, and fail in all where it fails."""
    outcome = [None, None]
    if is_main_process():
        try:
            outcome = [act(), None]
        except Exception as error:
            # Every process has to learn of it, or the others would wait for ever.
            outcome = [None, error]
    broadcast_object_list(outcome)
    result, error = outcome
    if error is not None:
        raise error
    return result


def _precision_of(optim_wrapper) -> AbstractContextManager:
    """The precision in which a model is trained."""
    if isinstance(optim_wrapper, AmpOptimWrapper):
        return autocast(dtype=optim_wrapper.cast_dtype)
    return nullcontext()


def _validation_pipeline(runner: Runner) -> list[dict]:
    pipeline = pipeline_of((runner.cfg.get('val_dataloader') or {}).get('dataset'))
    if pipeline is None:
        raise ValueError(
            'NoiseFilterHook scores with the transforms of val_dataloader.dataset.pipeline, and '
            'there is none: set its own `pipeline`, evaluation transforms that end in PackInputs.'
        )
    return pipeline
