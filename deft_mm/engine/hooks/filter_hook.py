"""What the hooks that filter the training data share: scoring, exchanging, and going on."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import sync_random_seed
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.utils import apply_to
from mmpretrain.registry import DATASETS
from torch import nn
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    NoisyLabelDataset,
    clean_labels_of,
    evaluation_view,
    sample_table_of,
)
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.engine.config_walk import pipeline_of
from deft_mm.engine.kept_features import FeatureFolder, is_frozen_tower
from deft_mm.engine.rehearsal import check_sample_fields, make_batch, rehearse_step
from deft_mm.engine.scoring_pass import check_needs
from deft_mm.engine.select import precision_of, select
from deft_mm.engine.stage_switch import (
    bare_model,
    build_train_dataloader,
    is_resuming,
    is_training,
    replace_train_dataset,
    training_data,
)
from deft_mm.evaluation import DETECTION_METRICS, DetectionCurve, SelectionReport
from deft_mm.fileio import require_file_name, require_writable
from deft_mm.main_process import on_main_process
from deft_mm.models.heads import ScoringHead
from deft_mm.registered_class import registered_class
from deft_mm.selection import (
    ON_DEMAND,
    Fingerprint,
    SampleTable,
    build_limits,
    build_selector,
    check_selection,
    read_selection,
)
from deft_mm.selection.sample_details import SampleDetails

_STATE = 'deft'
_STATE_VERSION = 2


class FilterHook(Hook):
    """Base of :class:`NoiseFilterHook` and :class:`RefilterHook`: score, select, train on the rest.

    Scores are those of the model as validation sees it: evaluation mode and transforms, the
    averaged weights where there is an ``EMAHook``, and the precision in which the model is trained,
    with similarities and probabilities in float32.

    Checkpoints carry when the data were exchanged, the data set's fingerprint, the selection and
    what the selector remembers.

    Args:
        selector (dict, optional): Config of a selector. None is ``dict(type='DualPromptSelector')``
            (:class:`NoiseFilterHook`) or ``dict(type='GMMSelector')`` (:class:`RefilterHook`).
            Defaults to None.
        limits (dict, optional): Arguments of :class:`~deft_mm.selection.SelectionLimits`, a cap and
            a floor on what is rejected. None for none. Defaults to None.
        detection_interval (int, optional): Score, and log the detection metrics, after every so
            many epochs too in which all samples are trained on; the data stay as they are. The
            selection file is then that of the newest scores. Defaults to None.
        pipeline (list[dict], optional): Transforms of the scoring pass. None takes those of the
            validation data. Defaults to None.
        batch_size (int, optional): Batch size of the scoring pass, in each process. None takes that
            of the validation data. Defaults to None.
        num_workers (int, optional): Data-loading workers of the scoring pass. None takes those of
            the validation data. Defaults to None.
        out_file (str): Selection file, within the work directory; CSV, or Parquet where it ends in
            ``.parquet``. Defaults to 'selection.csv'.
        features (str, optional): Folder, within the work directory or an absolute one, where the
            features of an image tower that is frozen are kept: a pass computes those of images that
            no pass before, of this run or another one, has seen. They are kept in float16, which
            changes scores in the fourth digit (:class:`~deft_mm.engine.kept_features.FeatureFolder`
            ). None computes them in every pass. Defaults to None.
        skip_unreadable (bool): Reject samples whose image can't be read instead of stopping; until
            then a ``NoisyLabelDataset`` trains on others in their place. Defaults to False.
        keep_num_updates (bool): Repeat the kept samples so that an epoch has as many iterations as
            before the filtering. The paper's reference runs that many, averaging each batch's loss
            over the kept samples in it; False takes fewer, fuller steps at the same learning rate.
            Defaults to False.
        classifier_dataset (dict, optional): The data set that is trained on after a selection: a
            wrapper that takes the whole training set as ``dataset`` and the ``selection``:
            ``FixMatchDataset``, ``RelabelledSubset``, ``CleanProbWeightedDataset``,
            ``KeptFlagDataset`` or another ``SelectionWrapper``. A batch of it is made before
            training, from a made-up selection, so that what does not fit costs no stage 1. None is
            ``dict(type='CleanSubset')``. Defaults to None.
        classifier_dataloader (dict, optional): Keys of ``train_dataloader`` that change with it,
            for example ``dict(batch_size=32)``. Defaults to None.

    Attributes:
        table (SampleTable, optional): What the training data consist of; None while that is every
            sample.
        begin_epoch (int): The epoch at which they were last exchanged.
        begin_iter (int): The iteration at which they were last exchanged.

    Raises:
        TypeError: If ``selector`` is no config.
        ValueError: If an argument is out of range.
    """

    # Before DistSamplerSeedHook, which seeds the sampler of the dataloader that this hook replaces.
    priority = 'HIGH'
    default_selector: str

    def __init__(
        self,
        selector: dict | None = None,
        limits: dict | None = None,
        detection_interval: int | None = None,
        pipeline: list | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        out_file: str = 'selection.csv',
        features: str | None = None,
        skip_unreadable: bool = False,
        keep_num_updates: bool = False,
        classifier_dataset: dict | None = None,
        classifier_dataloader: dict | None = None,
    ) -> None:
        self.name = type(self).__name__
        if isinstance(selector, str):
            raise TypeError(
                f'{self.name}.selector is the path {selector!r}: a file is given as '
                f"default_hooks.noise_filter=dict(type='NoiseFilterHook', selection={selector!r})."
            )
        self.selector = build_selector(selector or dict(type=self.default_selector))
        self.limits = None if limits is None else build_limits(limits)
        for key, value, least in (
            ('detection_interval', detection_interval, 1),
            ('batch_size', batch_size, 1),
            ('num_workers', num_workers, 0),
        ):
            if value is not None and value < least:
                raise ValueError(
                    f'{self.name}.{key} is {value}: set it to {least} or more, or to None.'
                )
        require_file_name(f'{self.name}.out_file', out_file, 'selection.csv', '.parquet')
        for key, cfg in dict(
            classifier_dataset=classifier_dataset, classifier_dataloader=classifier_dataloader
        ).items():
            for name in {'dataset', 'selection'} & set(cfg or ()):
                raise ValueError(
                    f'{self.name}.{key}.{name} has no effect, since data and selection are those '
                    'of the run: leave it out.'
                )
        given = dict(
            selector=selector,
            limits=limits,
            detection_interval=detection_interval,
            pipeline=pipeline,
            batch_size=batch_size,
            num_workers=num_workers,
            features=features,
            keep_num_updates=keep_num_updates or None,
            classifier_dataset=classifier_dataset,
            classifier_dataloader=classifier_dataloader,
        )
        self._given = [name for name, value in given.items() if value is not None]
        self.detection_interval = detection_interval
        self.pipeline_cfg = pipeline
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.out_file = out_file
        self.features = features
        self.skip_unreadable = skip_unreadable
        self.keep_num_updates = keep_num_updates
        self.classifier_dataset = classifier_dataset or dict(type='CleanSubset')
        self.classifier_dataloader = classifier_dataloader
        self.table: SampleTable | None = None
        self.begin_epoch = 0
        self.begin_iter = 0
        # The newest selection and the iteration after which it was made.
        self._newest: tuple[int, SampleTable] | None = None
        # What is trained on other data later, a dataloader like theirs, and its config key.
        self._rehearsed: tuple[nn.Module, DataLoader, str] | None = None

    # -- what a subclass says ---------------------------------------------------

    @property
    @abstractmethod
    def exchanges_data(self) -> bool:
        """bool: Whether the run will train on other data than those it starts with."""

    @abstractmethod
    def start(self, runner: Runner) -> None:
        """Check the settings, before weights are loaded."""

    @abstractmethod
    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Take up where a checkpoint was saved, before weights and optimisers are loaded."""

    def is_final(self, epoch: int) -> bool:
        """Whether what is selected after so many epochs is what people will look at."""
        return False

    @abstractmethod
    def look(self, runner: Runner) -> None:
        """Report at the end of an epoch what would be kept, if all samples are trained on."""

    # -- the run ----------------------------------------------------------------

    def before_run(self, runner: Runner) -> None:
        """Check the settings and the data before any training time is spent.

        Raises:
            TypeError: If the model or the loop is of another kind.
            ValueError: If a setting does not fit the model, the data or the schedule.
        """
        if not is_training(runner):
            return
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise TypeError(
                f'train_cfg builds {type(runner.train_loop).__name__}, but the stages of DeFT are '
                'counted in epochs: set train_cfg=dict(by_epoch=True, max_epochs=..., '
                'val_interval=1).'
            )
        self.model = bare_model(runner)
        self.dataset = training_data(runner)
        if self.skip_unreadable and isinstance(self.dataset, NoisyLabelDataset):
            self.dataset.skip_unreadable = True
        # Read once: paths of a million files take a while.
        self._samples = sample_table_of(self.dataset)
        self.clean_labels = clean_labels_of(self.dataset)
        if self.clean_labels is not None:
            share = 100 * (self.clean_labels != self._samples.given_label).mean()
            runner.logger.info(
                f'The config adds label noise: {share:.1f}% of the labels are wrong.'
            )
        self.start(runner)
        if not self.exchanges_data:
            names = ('keep_num_updates', 'classifier_dataset', 'classifier_dataloader')
            self.warn_of_unused(runner, names, 'all samples are trained on throughout')

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """On a resume, restore the data before the weights, optimisers and schedulers are loaded.

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
                f'run with {self.name}. To start from its weights, use load_from, not --resume.'
            )
        if state['version'] != _STATE_VERSION:
            raise ValueError(
                f'The checkpoint has version {state["version"]} of the state of DeFT, this deft_mm '
                f'reads {_STATE_VERSION}: resume with the deft_mm that wrote it.'
            )
        if state.get('hook', self.name) != self.name:
            raise ValueError(
                f'The checkpoint to resume from is of a run with {state["hook"]}, and this '
                f'config has {self.name}: it is of another method. Give the config that lies '
                'beside it, or, to start from its weights, use load_from, not --resume.'
            )
        Fingerprint.from_dict(state['fingerprint']).require_same(
            self._samples.fingerprint,
            'The checkpoint to resume from',
            hint='Resume with the same data, noise and seed, or start anew in another --work-dir.',
        )
        self._restore_selector(runner, state)
        self.resume(runner, checkpoint, state)
        done = checkpoint['meta']['iter'] - state['begin_iter']
        if done % len(runner.train_dataloader):
            raise ValueError(
                f'The checkpoint to resume from was saved in the middle of an epoch ({done} '
                f'iterations into a stage of {len(runner.train_dataloader)} an epoch), whose first '
                'part would be trained twice: resume from one that was saved at the end of an '
                'epoch with the same batch size and number of processes.'
            )

    def before_train(self, runner: Runner) -> None:
        """Try a step on the data that a selection will leave, now that losses know of the run, and
        write the selection file again where it is gone, damaged or another one, and the checkpoint
        has it.

        Raises:
            ValueError: If the step fails.
        """
        if is_resuming(runner) and self.table is not None:
            self._restore_file(runner)
        if self._rehearsed is not None:
            with precision_of(runner):
                rehearse_step(*self._rehearsed, self.skip_unreadable)
            self._rehearsed = None

    def after_train_epoch(self, runner: Runner) -> None:
        """Report what would be kept, where that is due."""
        if self.detection_interval and (runner.epoch + 1) % self.detection_interval == 0:
            self.look(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs to know."""
        columns = None if self.table is None else self.table.results()
        about = ('method', 'config', 'created', 'deft_mm_version')
        checkpoint[_STATE] = dict(
            version=_STATE_VERSION,
            hook=self.name,
            fingerprint=self._samples.fingerprint.to_dict(),
            begin_epoch=self.begin_epoch,
            begin_iter=self.begin_iter,
            selection=columns and {name: torch.from_numpy(v) for name, v in columns.items()},
            about=columns and {name: getattr(self.table, name) for name in about},
        )
        memory = self.selector.state_dict()
        if memory:
            checkpoint[_STATE]['selector'] = dict(
                type=type(self.selector).__name__,
                memory=apply_to(memory, lambda v: isinstance(v, np.ndarray), torch.from_numpy),
            )

    def _restore_selector(self, runner: Runner, state: dict) -> None:
        """Let the selector remember what it did when the checkpoint was saved."""
        there = state.get('selector')
        if there is None:
            return
        name = type(self.selector).__name__
        if there['type'] != name:
            runner.logger.warning(
                f'The checkpoint to resume from has what a {there["type"]} remembers, and the '
                f'config has a {name}, which goes on without.'
            )
            return
        memory = apply_to(there['memory'], torch.is_tensor, lambda value: value.cpu().numpy())
        self.selector.load_state_dict(memory)

    def restored(self, state: dict) -> SampleTable:
        """The selection that a checkpoint carries."""
        columns = {name: values.cpu().numpy() for name, values in state['selection'].items()}
        about = state.get('about') or dict(method=type(self.selector).__name__)
        return self._samples.with_results(columns, **about)

    def _restore_file(self, runner: Runner) -> None:
        path = Path(runner.work_dir) / self.out_file
        # None for a selection that was given as a file.
        files = (runner.message_hub.get_info('noise_filter') or {}).get('files')

        def restore() -> str | None:
            try:
                table = read_selection(path)
                fault, ending = 'is of another selection', 'other'
                if self.is_own(table):
                    return self._restore_curve(table, [path.with_name(name) for name in files[1:]])
            except (ValueError, OSError):
                fault, ending = 'was gone or damaged', 'damaged'
            aside = path.with_name(f'{path.name}.{ending}')
            renamed = ''
            if path.exists():
                path.replace(aside)
                renamed = f', what was there is now {aside.name}'
            SelectionReport(self.table, self.clean_labels).write(path)
            return f'{path} {fault}: it is written again from the checkpoint{renamed}.'

        text = on_main_process(restore) if files else None
        if text is not None:
            runner.logger.warning(text)

    def _restore_curve(self, table: SampleTable, paths: list[Path]) -> str | None:
        for path in paths:
            try:
                DetectionCurve.read(path)
            except (ValueError, OSError):
                SelectionReport(table, self.clean_labels).curve.write(path)
                return f'{path} was gone or damaged: it is written again from {self.out_file}.'
        return None

    def is_own(self, table: SampleTable) -> bool:
        """Whether a selection file that a resumed run finds can be of this run, edited or not."""
        return (table.fingerprint, table.method) == (self.table.fingerprint, self.table.method)

    # -- selecting --------------------------------------------------------------

    def prepare_scoring(self, runner: Runner, scorer: nn.Module) -> None:
        """Check before training what a scoring pass will need, with a batch of its data.

        Args:
            runner (Runner): The runner.
            scorer (nn.Module): What will score the samples.

        Raises:
            ValueError: If there are no transforms to score with, they give no samples, or the model
                does not give what the selector needs.
        """
        check_needs(scorer, self.selector.needs, type(self.selector).__name__)
        self.selector.check(self._samples)
        key, cfgs = f'{self.name}.pipeline', self.pipeline_cfg
        if cfgs is None:
            key = 'val_dataloader.dataset.pipeline'
            cfgs = pipeline_of((runner.cfg.get('val_dataloader') or {}).get('dataset'))
        if cfgs is None:
            raise ValueError(
                f'{self.name} scores with the transforms of val_dataloader.dataset.pipeline, and '
                'there is none: set its own `pipeline`, evaluation transforms that end in '
                'PackInputs.'
            )
        self.pipeline = list(cfgs)
        if self.features is not None:
            require_writable(self.feature_folder(runner).path, f'{self.name}.features', True)
            if not is_frozen_tower(scorer):
                self.warn_of_unused(
                    runner, ('features',), 'what scores is no CLIP whose image tower is frozen'
                )
        view = evaluation_view(self.dataset, self.pipeline)
        workers = self.scoring_options(runner)['num_workers']
        (item,) = make_batch(
            DataLoader(view, num_workers=workers, collate_fn=list), key, self.skip_unreadable
        )
        packed = isinstance(item, dict) and {'inputs', 'data_samples'} <= item.keys()
        if not packed or 'sample_idx' not in item['data_samples']:
            raise ValueError(
                f'{key} gives samples that cannot be told apart: end it in '
                "dict(type='PackInputs'), and leave 'sample_idx' in its meta_keys."
            )

    def select(self, runner: Runner, scorer: nn.Module, epoch: int | None = None) -> SampleTable:
        """Score all samples, select, write the selection file and report the outcome.

        Args:
            runner (Runner): The runner.
            scorer (nn.Module): The classifier that scores.
            epoch (int, optional): Number of finished epochs; None for ``runner.epoch``. Defaults to
                None.

        Returns:
            SampleTable: What is kept, the same in every process; possibly nothing.
        """
        epoch = runner.epoch if epoch is None else epoch
        if self._newest is not None and self._newest[0] == runner.iter:
            # The same weights. A pass agrees on the seed of its sampler: what is drawn after it is
            # the same in a resumed run, which makes the pass.
            sync_random_seed()
            return self._newest[1]
        start = time.perf_counter()
        self.selector.set_epoch(epoch)
        scored = select(
            scorer,
            self.dataset,
            self.selector,
            self.limits,
            pipeline=self.pipeline,
            table=self._samples,
            skip_unreadable=self.skip_unreadable,
            runner=runner,
            config=Path(runner.cfg.filename or '').name,
            features=None if self.features is None else self.feature_folder(runner),
            compare=self.is_final(epoch),
            **self.scoring_options(runner),
        )
        table = scored.with_columns(**dict.fromkeys(ON_DEMAND))
        unreadable = int((~table.readable).sum())
        if unreadable:
            runner.logger.warning(
                f'{unreadable} of {len(table)} images could not be read and are rejected.'
            )
        report = SelectionReport(table, self.clean_labels, time.perf_counter() - start)
        path = Path(runner.work_dir) / self.out_file
        # Written even where nothing is kept: its scores show why.
        files = on_main_process(lambda: report.write(path, SampleDetails.of(scored, self.selector)))
        runner.logger.info(f'Selection file: {files[0]}')
        self.report(runner, report, epoch, [file.name for file in files])
        self._newest = runner.iter, table
        return table

    def report(self, runner: Runner, report: SelectionReport, epoch: int, files: list[str]) -> None:
        """Log a selection's figures, and leave them in the message hub for the summary."""
        figures = dict(epoch=epoch, files=files, **report.figures)
        runner.message_hub.update_info('noise_filter', figures)
        scalars = {
            f'detection/{name}': figures[name] for name in DETECTION_METRICS if name in figures
        }
        if scalars:
            runner.visualizer.add_scalars(scalars, step=epoch)
        runner.logger.info(report.to_line())

    def check(self, table: SampleTable) -> None:
        """Refuse a selection of nothing, and warn of what is suspicious."""
        check_selection(
            table.kept, type(self.selector).__name__, table.given_label, table.class_names
        )

    def check_epochs(self, runner: Runner, epochs: int, key: str) -> None:
        """Refuse a selector whose warm-up is longer than what it selects in, and warn of reports
        that never come.

        Args:
            runner (Runner): The runner.
            epochs (int): For how many epochs the model that scores is trained.
            key (str): The setting that says so.

        Raises:
            ValueError: If the warm-up is longer.
        """
        warmup = getattr(self.selector, 'warmup_epochs', 0)
        if warmup > epochs:
            raise ValueError(
                f'{self.name}.selector ({type(self.selector).__name__}) has warmup_epochs={warmup},'
                f' but selects for the last time after {key}={epochs}, when it would reject '
                'another share than its noise_ratio: lower warmup_epochs, or leave it out.'
            )
        if epochs and (self.detection_interval or 0) > epochs:
            runner.logger.warning(
                f'{self.name}.detection_interval={self.detection_interval} is more than '
                f'{key}={epochs}: nothing is reported before the end.'
            )

    def warn_of_unused(self, runner: Runner, names: Sequence[str], reason: str) -> None:
        """Say which of the settings that are given have no effect."""
        unused = [name for name in names if name in self._given]
        if unused:
            text = ', '.join(f'{self.name}.{name}' for name in unused)
            runner.logger.warning(f'Without effect, since {reason}: {text}.')

    def feature_folder(self, runner: Runner) -> FeatureFolder:
        """Where features are kept, if they are."""
        return FeatureFolder(Path(runner.work_dir) / self.features)

    def scoring_options(self, runner: Runner) -> dict[str, int]:
        """Batch size and number of workers of a pass."""
        val = runner.cfg.get('val_dataloader') or {}
        workers = val.get('num_workers', 0) if self.num_workers is None else self.num_workers
        return dict(batch_size=self.batch_size or val.get('batch_size', 64), num_workers=workers)

    # -- training on what is kept -------------------------------------------------

    def rehearse(self, runner: Runner, scorer: nn.Module, model: nn.Module) -> None:
        """Make a batch of the data that a selection will leave, before any training.

        Args:
            runner (Runner): The runner.
            scorer (nn.Module): What will score the samples.
            model (nn.Module): What will be trained on them.

        Raises:
            ValueError: If data set, dataloader and model don't fit each other.
        """
        key, kind = f'{self.name}.classifier_dataset', self.classifier_dataset.get('type')
        registered_class(DATASETS, kind, SelectionWrapper, key, 'wrappers')
        if self.table is not None:
            dataset = self._filtered(runner, self.table)
        else:
            # How many samples there will be is not known yet.
            dataset = self._wrapped(self._made_up_selection(), num_samples=None)
        wrapper = type(dataset).__name__
        if self.limits is not None and not dataset.uses_kept:
            raise ValueError(
                f'{self.name}.limits says what is kept, but {key} is {wrapper}, which trains on '
                'all samples: remove one of the two.'
            )
        if self.table is None and not dataset.uses_kept:
            self._check_clean_prob(scorer, key, wrapper)
        loader = build_train_dataloader(runner, dataset, self.classifier_dataloader)
        check_sample_fields(model, loader, key, self.skip_unreadable)
        self._rehearsed = model, loader, key

    def _check_clean_prob(self, scorer: nn.Module, key: str, wrapper: str) -> None:
        """Weights are clean probabilities: those of the selector, or of the head."""
        head = getattr(scorer, 'head', None)
        of_head = isinstance(head, ScoringHead) and 'yes_prob' in head.offers
        if not (self.selector.gives_probability or of_head):
            raise ValueError(
                f'{key} is {wrapper}, which weights samples by their clean probability, but '
                f'neither {type(self.selector).__name__} nor {type(head).__name__} gives one: '
                'use a detector with a DualPromptHead, or a GMMSelector.'
            )

    def _made_up_selection(self) -> SampleTable:
        """Every other sample kept."""
        n, given = len(self._samples), self._samples.given_label
        return self._samples.with_columns(
            clean_prob=np.full(n, 0.5),
            pred_label=given,
            pred_prob=np.ones(n),
            kept=np.arange(n) % 2 == 0,
        )

    def train_on(
        self, runner: Runner, table: SampleTable, model: nn.Module, epoch: int, iteration: int
    ) -> str:
        """Exchange the training data for those of a selection.

        Args:
            runner (Runner): The runner.
            table (SampleTable): The selection.
            model (nn.Module): What is trained on them.
            epoch (int): The epoch that begins with them.
            iteration (int): The iteration that does.

        Returns:
            str: What is trained on, for the log: '740 of 1297 samples'.
        """
        self.table, self.begin_epoch, self.begin_iter = table, epoch, iteration
        dataset = self._filtered(runner, table)
        replace_train_dataset(runner, dataset, model, self.classifier_dataloader)
        text = f'{len(np.unique(dataset.indices))} of {len(table)} samples'
        name = type(dataset).__name__
        return text if name == 'CleanSubset' else f'{text} ({name})'

    def _filtered(self, runner: Runner, table: SampleTable) -> SelectionWrapper:
        dataset = self._wrapped(table)
        if not self.keep_num_updates:
            return dataset
        before = runner.cfg.train_dataloader.batch_size
        now = (self.classifier_dataloader or {}).get('batch_size', before)
        num_samples = math.ceil(len(self.dataset) * now / before)
        if num_samples < len(dataset):
            runner.logger.warning(
                f'{self.name}.keep_num_updates: with classifier_dataloader.batch_size={now} in '
                f'place of {before}, {len(dataset)} samples are more updates an epoch than there '
                'were. Each is trained on once.'
            )
            return dataset
        return self._wrapped(table, num_samples=num_samples)

    def _wrapped(self, table: SampleTable, **changes) -> SelectionWrapper:
        cfg = dict(self.classifier_dataset, dataset=self.dataset, selection=table, **changes)
        return DATASETS.build(cfg)
