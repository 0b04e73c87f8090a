"""The switch from the detector to the classifier: score, select, rebuild the training data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import EpochBasedTrainLoop, Runner, autocast
from mmpretrain.registry import HOOKS, TRANSFORMS
from torch.utils.data import Dataset

from deft_mm.datasets import (
    CleanSubset,
    NoisyLabelDataset,
    class_names_of,
    clean_labels_of,
    dataset_fingerprint,
    given_labels_of,
    img_paths_of,
)
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.engine.stage_switch import (
    forget_stage,
    is_resuming,
    is_training,
    replace_train_dataset,
    set_length,
    start_counting,
    start_stage,
)
from deft_mm.evaluation import detection_metrics
from deft_mm.models.algorithms import DeFT
from deft_mm.selection import (
    Fingerprint,
    SampleScores,
    Selection,
    build_selector,
    check_selection,
    write_selection,
)

_STATE = 'deft'
_STATE_VERSION = 1


@HOOKS.register_module()
class NoiseFilterHook(Hook):
    """Filter the training data between the two stages of :class:`~deft_mm.models.algorithms.DeFT`.

    At the start of epoch ``detector_epochs`` it scores every training sample with the detector
    (evaluation mode and evaluation transforms), lets the selector decide which to keep, writes the
    selection file, rebuilds the data set without the rejected samples, and gives the classifier its
    own schedule. Stage 2 has the remaining epochs of ``train_cfg.max_epochs``.

    A model without a classifier runs stage 1 alone, ``detector_epochs`` long, and writes the
    selection file at its end. A :class:`~deft_mm.selection.FileSelector` needs no detector: stage 2
    starts at once.

    Scores are computed in the precision in which the detector is trained: under ``AmpOptimWrapper``
    in mixed precision, with similarities and probabilities in float32.

    Checkpoints carry the stage, its first epoch, the data set's fingerprint and the kept samples. A
    run resumes in either stage. When ``EarlyStoppingHook`` stops stage 1, stage 2 follows.

    Example:

        .. code:: python

            train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
            default_hooks = dict(noise_filter=dict(type='NoiseFilterHook', detector_epochs=10))

    Args:
        detector_epochs (int, optional): Epochs of stage 1. None is ``train_cfg.max_epochs``, for a
            model without a classifier. Defaults to None.
        selector (dict | str, optional): Config of a selector, or the path of a selection file,
            short for ``dict(type='FileSelector', path=...)``. None is
            ``dict(type='DualPromptSelector')``. Defaults to None.
        pipeline (list[dict], optional): Transforms of the scoring pass. None takes those of the
            validation data. Defaults to None.
        batch_size (int, optional): Batch size of the scoring pass, in each process. None takes that
            of the validation data. Defaults to None.
        num_workers (int, optional): Data-loading workers of the scoring pass. None takes those of
            the validation data. Defaults to None.
        out_file (str): Selection file, within the work directory. Defaults to 'selection.csv'.
        skip_unreadable (bool): Reject samples whose image can't be read instead of stopping; until
            then a ``NoisyLabelDataset`` trains on others in their place. Defaults to False.
        keep_num_updates (bool): Repeat the kept samples so that an epoch of stage 2 has as many
            iterations as before the filtering. The paper's reference runs that many, averaging each
            batch's loss over the kept samples in it; False takes fewer, fuller steps at the same
            learning rate. Defaults to False.
        classifier_dataloader (dict, optional): Keys of ``train_dataloader`` that stage 2 changes,
            for example ``dict(batch_size=32)``. Defaults to None.
    """

    # Before DistSamplerSeedHook, which seeds the sampler of the dataloader that this hook replaces.
    priority = 'HIGH'

    def __init__(
        self,
        detector_epochs: int | None = None,
        selector: dict | str | None = None,
        pipeline: list | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        out_file: str = 'selection.csv',
        skip_unreadable: bool = False,
        keep_num_updates: bool = False,
        classifier_dataloader: dict | None = None,
    ) -> None:
        if isinstance(selector, str):
            selector = dict(type='FileSelector', path=selector)
        self.selector = build_selector(selector or dict(type='DualPromptSelector'))
        self.detector_epochs = detector_epochs
        self.pipeline_cfg = pipeline
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.out_file = out_file
        self.skip_unreadable = skip_unreadable
        self.keep_num_updates = keep_num_updates
        self.classifier_dataloader = classifier_dataloader
        self.begin_epoch = 0
        self.begin_iter = 0
        self.kept: np.ndarray | None = None

    def before_run(self, runner: Runner) -> None:
        """Check the settings and the data before any training time is spent, and start stage 1.

        Raises:
            TypeError: If the model or the loop is of another kind.
            ValueError: If the epochs of a stage are not positive, or a selection file is of another
            data set.
        """
        if not is_training(runner):
            return
        self.model = getattr(runner.model, 'module', runner.model)
        self.dataset = _whole(runner.train_dataloader.dataset)
        if self.skip_unreadable and isinstance(self.dataset, NoisyLabelDataset):
            self.dataset.skip_unreadable = True
        self._settle_epochs(runner)
        self.fingerprint = dataset_fingerprint(self.dataset)
        clean = clean_labels_of(self.dataset)
        if clean is not None:
            share = 100 * (clean != given_labels_of(self.dataset)).mean()
            runner.logger.info(
                f'The config adds label noise: {share:.1f}% of the labels are wrong.'
            )
        if self.selector.needs_scores:
            cfgs = self.pipeline_cfg or _validation_pipeline(runner)
            self.pipeline = [TRANSFORMS.build(cfg) for cfg in cfgs]
        else:
            self.kept = self.selector.select(None, self.fingerprint)
        start_stage(runner, 'detector', max(self.detector_epochs, 1))

    def _settle_epochs(self, runner: Runner) -> None:
        """Check how many epochs each stage has; set the run's length where one is left out."""
        if not isinstance(self.model, DeFT):
            raise TypeError(
                f"NoiseFilterHook switches the stages of model=dict(type='DeFT', ...), but "
                f'model.type is {type(self.model).__name__}: make that the detector of a DeFT '
                'model without a classifier.'
            )
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise TypeError(
                f'train_cfg builds {type(runner.train_loop).__name__}, but the stages of DeFT are '
                'counted in epochs: set train_cfg=dict(by_epoch=True, max_epochs=..., '
                'val_interval=1).'
            )
        total, first = runner.max_epochs, self.detector_epochs
        if self.model.classifier is None:
            first = total if first is None else first
            total = first
        elif first is None:
            raise ValueError(
                'NoiseFilterHook.detector_epochs is not set: say how many of the '
                f'train_cfg.max_epochs={total} epochs train the detector.'
            )
        second = total - first
        if first <= 0 or (self.model.classifier is not None and second <= 0):
            raise ValueError(
                'Every stage needs at least one epoch, but NoiseFilterHook.detector_epochs='
                f'{first} of train_cfg.max_epochs={runner.max_epochs} leaves {first} to the '
                f'detector and {second} to the classifier.'
            )
        if not self.selector.needs_scores:
            # The detector is not asked, so it is not trained either.
            first, total = 0, second
            if total == 0:
                raise ValueError(
                    'NoiseFilterHook.selector takes the selection from a file, and there is no '
                    'model.classifier: there is nothing to train. Give the model a classifier.'
                )
        self.detector_epochs, self.classifier_epochs = first, second
        self.switch_epoch = first
        set_length(runner, total, total * len(runner.train_dataloader))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """On a resume, restore the stage before the weights, optimisers and schedulers are loaded.

        Raises:
            ValueError: If the checkpoint is of another kind of run, of another data set or noise,
                or from the middle of an epoch.
        """
        if not (is_training(runner) and is_resuming(runner)):
            return
        state = checkpoint.get(_STATE)
        if state is None:
            raise ValueError(
                'The checkpoint to resume from has no stage of DeFT in it: it was not written by a '
                'run with NoiseFilterHook. To start from its weights, use load_from, not --resume.'
            )
        if state['version'] != _STATE_VERSION:
            raise ValueError(
                f'The checkpoint has version {state["version"]} of the state of DeFT, this deft_mm '
                f'reads {_STATE_VERSION}: resume with the deft_mm that wrote it.'
            )
        Fingerprint.from_dict(state['fingerprint']).require_same(
            self.fingerprint,
            'The checkpoint to resume from',
            hint='Resume with the same data, noise and seed, or start anew in another --work-dir.',
        )
        if self._has_classifier_weights(checkpoint) != (self.model.classifier is not None):
            raise ValueError(
                'The checkpoint to resume from and this config differ in whether there is a '
                'model.classifier. To go on from stage 1 alone to stage 2, train anew with '
                'default_hooks.noise_filter.selector=<its selection.csv>.'
            )
        if state['stage'] == 'classifier':
            kept = state['kept'].cpu().numpy()
            self._enter_classifier(runner, kept, state['begin_epoch'], state['begin_iter'])
        done = checkpoint['meta']['iter'] - state['begin_iter']
        if done % len(runner.train_dataloader):
            raise ValueError(
                f'The checkpoint to resume from was saved in the middle of an epoch ({done} '
                f'iterations into a stage of {len(runner.train_dataloader)} an epoch), whose first '
                'part would be trained twice: resume from one that was saved at the end of an '
                'epoch with the same batch size and number of processes.'
            )

    @staticmethod
    def _has_classifier_weights(checkpoint: dict) -> bool:
        return any(key.startswith('classifier.') for key in checkpoint['state_dict'])

    def before_train(self, runner: Runner) -> None:
        """Start counting iterations; a new run starts in stage 1 whatever it was loaded from."""
        if not is_resuming(runner):
            self.model.set_stage('detector')
        stage = self.model.active_stage
        epochs = self.detector_epochs if stage == 'detector' else self.classifier_epochs
        start_counting(runner, stage, max(epochs, 1), self.begin_iter)

    def before_train_epoch(self, runner: Runner) -> None:
        """Switch to the classifier when its first epoch is about to begin."""
        if self.model.classifier is None or self.model.active_stage == 'classifier':
            return
        if runner.epoch >= self.switch_epoch:
            kept = self._select(runner)
            self._enter_classifier(runner, kept, runner.epoch, runner.iter)
            start_counting(runner, 'classifier', self.classifier_epochs, self.begin_iter)

    def after_val(self, runner: Runner) -> None:
        """Go on with stage 2 when EarlyStoppingHook has ended stage 1."""
        if not is_training(runner) or not runner.train_loop.stop_training:
            return
        if self.model.active_stage == 'detector' and self.model.classifier is not None:
            runner.train_loop.stop_training = False
            self.switch_epoch = runner.epoch
            runner.logger.info(f'Early stopping ends stage 1 after {runner.epoch} epochs.')

    def after_train(self, runner: Runner) -> None:
        """Write the selection file of a run of stage 1 alone."""
        if self.model.classifier is None:
            self._select(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs to know of the stages."""
        checkpoint[_STATE] = dict(
            version=_STATE_VERSION,
            stage=self.model.active_stage,
            begin_epoch=self.begin_epoch,
            begin_iter=self.begin_iter,
            fingerprint=self.fingerprint.to_dict(),
            kept=None if self.kept is None else torch.from_numpy(self.kept),
        )

    def _enter_classifier(self, runner: Runner, kept: np.ndarray, epoch: int, iteration: int):
        """Make the classifier the active model and the kept samples its training data."""
        self.kept, self.begin_epoch, self.begin_iter = kept, epoch, iteration
        self.model.set_stage('classifier')
        length = len(self.dataset) if self.keep_num_updates else None
        subset = CleanSubset(self.dataset, kept, num_samples=length)
        replace_train_dataset(runner, subset, self.classifier_dataloader)
        forget_stage(runner, 'detector')
        start_stage(runner, 'classifier', self.classifier_epochs)
        max_iters = iteration + self.classifier_epochs * len(runner.train_dataloader)
        set_length(runner, epoch + self.classifier_epochs, max_iters)
        runner.logger.info(
            f'Stage 2 trains the classifier on {kept.sum()} of {len(kept)} samples for '
            f'{self.classifier_epochs} epochs of {len(runner.train_dataloader)} iterations.'
        )

    def _select(self, runner: Runner) -> np.ndarray:
        """Score the training samples, decide which to keep, and write the selection file."""
        start = time.perf_counter()
        if self.selector.needs_scores:
            scores = self._score(runner)
            kept = _agree(lambda: self._decide(runner, scores))
        else:
            kept = self.kept
        check_selection(kept, type(self.selector).__name__)
        self._report(runner, kept, time.perf_counter() - start)
        return kept

    def _score(self, runner: Runner) -> SampleScores:
        val = runner.cfg.get('val_dataloader') or {}
        workers = val.get('num_workers', 0) if self.num_workers is None else self.num_workers
        with _precision_of(runner.optim_wrapper['detector']):
            scores = score_samples(
                self.model.detector,
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

    def _decide(self, runner: Runner, scores: SampleScores) -> np.ndarray:
        kept = self.selector.select(scores, self.fingerprint) & scores.readable
        selection = Selection.from_scores(
            scores,
            kept,
            img_path=img_paths_of(self.dataset),
            class_names=class_names_of(self.dataset),
            fingerprint=self.fingerprint,
            method=type(self.selector).__name__,
            config=Path(runner.cfg.filename or '').name,
        )
        # Written even where nothing is kept: its scores show why.
        path = Path(runner.work_dir) / self.out_file
        write_selection(path, selection)
        runner.logger.info(f'Selection file: {path}')
        return kept

    def _report(self, runner: Runner, kept: np.ndarray, seconds: float) -> None:
        """Log what was kept and, where the true labels are known, how right that was."""
        report = dict(kept=int(kept.sum()), total=len(kept), seconds=seconds)
        text = f'Kept {report["kept"]} of {report["total"]} samples ({seconds:.1f} s)'
        clean = clean_labels_of(self.dataset)
        if clean is not None:
            metrics = detection_metrics(kept, given_labels_of(self.dataset), clean)
            report.update({name: metrics[name] for name in ('precision', 'recall', 'f1')})
            text += (
                f': detection precision {metrics["precision"]:.2f}, '
                f'recall {metrics["recall"]:.2f}, F1 {metrics["f1"]:.2f}'
            )
        runner.message_hub.update_info('noise_filter', report)
        runner.logger.info(text)


def _agree(decide: Callable[[], np.ndarray]) -> np.ndarray:
    """Let the main process decide for all, and fail in all where it fails."""
    outcome = [None, None]
    if is_main_process():
        try:
            outcome = [decide(), None]
        except Exception as error:
            # Every process has to learn of it, or the others would wait for ever.
            outcome = [None, error]
    broadcast_object_list(outcome)
    kept, error = outcome
    if error is not None:
        raise error
    return kept


def _precision_of(optim_wrapper) -> AbstractContextManager:
    """The precision in which a model is trained."""
    if isinstance(optim_wrapper, AmpOptimWrapper):
        return autocast(dtype=optim_wrapper.cast_dtype)
    return nullcontext()


def _whole(dataset: Dataset) -> Dataset:
    """The data set without MMEngine's cut to ``num_batch_per_epoch``."""
    return getattr(dataset, '_dataset', dataset)


def _validation_pipeline(runner: Runner) -> list[dict]:
    """The transforms of the validation data, of the first data set where there are several."""
    dataset = (runner.cfg.get('val_dataloader') or {}).get('dataset')
    while dataset is not None and 'pipeline' not in dataset:
        dataset = dataset.get('dataset') or next(iter(dataset.get('datasets', [])), None)
    if dataset is None:
        raise ValueError(
            'NoiseFilterHook scores with the transforms of val_dataloader.dataset.pipeline, and '
            'there is none: set its own `pipeline`, evaluation transforms that end in PackInputs.'
        )
    return dataset['pipeline']
