"""Filtering the training data: between the stages of DeFT, or again and again while one trains."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS
from torch.utils.data import Dataset

from deft_mm.datasets import NoisyLabelDataset
from deft_mm.engine.filter_plans import FilterPlan, RefilterPlan, TwoStagePlan
from deft_mm.engine.selection_pass import SelectionPass
from deft_mm.engine.stage_switch import is_resuming, is_training
from deft_mm.models.algorithms import DeFT
from deft_mm.selection import Fingerprint, build_limits, build_selector

_STATE = 'deft'
_STATE_VERSION = 2


@HOOKS.register_module()
class NoiseFilterHook(Hook):
    """Score the training samples, select among them, and train on what is kept.

    **With a** :class:`~deft_mm.models.algorithms.DeFT` **model** it does so once: at the start of
    epoch ``detector_epochs`` it scores every training sample with the detector (evaluation mode and
    evaluation transforms), lets the selector decide which to keep, writes the selection file,
    rebuilds the data set without the rejected samples, and gives the classifier its own schedule.
    Stage 2 has the remaining epochs of ``train_cfg.max_epochs``. A model without a classifier runs
    stage 1 alone, ``detector_epochs`` long, and writes the selection file at its end. A
    :class:`~deft_mm.selection.FileSelector` needs no detector: stage 2 starts at once. So it does
    with ``detector_epochs=0``, for a detector that is not trained, such as zero-shot CLIP.

    **With any other classifier** the model selects its own training data: with ``interval``, before
    every ``interval``-th epoch from epoch ``begin`` on it scores all samples, and the epochs until
    the next selection train on those kept; the schedule goes on. This is the GMM baseline. After
    training it selects a last time, for the selection file; without ``interval``, only then.

    Scores are computed in the precision in which the model is trained: under ``AmpOptimWrapper``
    in mixed precision, with similarities and probabilities in float32.

    Checkpoints carry the stage, its first epoch, the data set's fingerprint and the selection. A
    run resumes in either stage. When ``EarlyStoppingHook`` stops stage 1, stage 2 follows.

    Example:

        .. code:: python

            # DeFT: 10 epochs of detector, 10 of classifier
            train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
            default_hooks = dict(noise_filter=dict(type='NoiseFilterHook', detector_epochs=10))

            # a classifier on what a mixture of two Gaussians takes for clean, anew every epoch
            default_hooks = dict(
                noise_filter=dict(
                    type='NoiseFilterHook', selector=dict(type='GMMSelector'), begin=1, interval=1))

    Args:
        detector_epochs (int, optional): DeFT: epochs of stage 1. None is ``train_cfg.max_epochs``,
            for a model without a classifier. Defaults to None.
        selector (dict | str, optional): Config of a selector, or the path of a selection file,
            short for ``dict(type='FileSelector', path=...)``. None is
            ``dict(type='DualPromptSelector')``. Defaults to None.
        limits (dict, optional): Arguments of :class:`~deft_mm.selection.SelectionLimits`, a cap and
            a floor on what is rejected. None for none. Defaults to None.
        begin (int): Other classifiers: the warm-up, epochs on all samples before the first
            selection. Defaults to 1.
        interval (int, optional): Other classifiers: epochs between two selections; None trains on
            all samples. Defaults to None.
        detection_interval (int, optional): Score, and log the detection metrics, after every so
            many epochs too in which all samples are trained on; the data stay as they are. The
            selection file is then that of the newest scores. Defaults to None.
        pipeline (list[dict], optional): Transforms of the scoring pass. None takes those of the
            validation data. Defaults to None.
        batch_size (int, optional): Batch size of the scoring pass, in each process. None takes that
            of the validation data. Defaults to None.
        num_workers (int, optional): Data-loading workers of the scoring pass. None takes those of
            the validation data. Defaults to None.
        out_file (str): Selection file, within the work directory. Defaults to 'selection.csv'.
        skip_unreadable (bool): Reject samples whose image can't be read instead of stopping; until
            then a ``NoisyLabelDataset`` trains on others in their place. Defaults to False.
        keep_num_updates (bool): Repeat the kept samples so that an epoch has as many iterations as
            before the filtering. The paper's reference runs that many, averaging each batch's loss
            over the kept samples in it; False takes fewer, fuller steps at the same learning rate.
            Defaults to False.
        classifier_dataset (dict): The data set that is trained on after a selection: a wrapper
            that takes the whole training set as ``dataset`` and the ``selection``:
            ``FixMatchDataset``, ``RelabelledSubset``, ``CleanProbWeightedDataset`` or another
            ``SelectionWrapper``. A batch of it is made before training, from a made-up selection,
            so that what does not fit costs no stage 1. Defaults to ``dict(type='CleanSubset')``.
        classifier_dataloader (dict, optional): Keys of ``train_dataloader`` that change with it,
            for example ``dict(batch_size=32)``. Defaults to None.
    """

    # Before DistSamplerSeedHook, which seeds the sampler of the dataloader that this hook replaces.
    priority = 'HIGH'

    def __init__(
        self,
        detector_epochs: int | None = None,
        selector: dict | str | None = None,
        limits: dict | None = None,
        begin: int = 1,
        interval: int | None = None,
        detection_interval: int | None = None,
        pipeline: list | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        out_file: str = 'selection.csv',
        skip_unreadable: bool = False,
        keep_num_updates: bool = False,
        classifier_dataset: dict | None = None,
        classifier_dataloader: dict | None = None,
    ) -> None:
        if isinstance(selector, str):
            selector = dict(type='FileSelector', path=selector)
        self.selection_pass = SelectionPass(
            build_selector(selector or dict(type='DualPromptSelector')),
            limits=None if limits is None else build_limits(limits),
            pipeline=pipeline,
            batch_size=batch_size,
            num_workers=num_workers,
            out_file=out_file,
            skip_unreadable=skip_unreadable,
        )
        for name, value in dict(interval=interval, detection_interval=detection_interval).items():
            if value is not None and value < 1:
                raise ValueError(
                    f'NoiseFilterHook.{name} is {value}: set it to 1 or more, or to None for never.'
                )
        if begin < 0:
            raise ValueError(f'NoiseFilterHook.begin is {begin}: set it to 0 or more epochs.')
        self.detector_epochs = detector_epochs
        self.begin = begin
        self.interval = interval
        self.detection_interval = detection_interval
        self.keep_num_updates = keep_num_updates
        self.classifier_dataset = classifier_dataset or dict(type='CleanSubset')
        self.classifier_dataloader = classifier_dataloader
        self.plan: FilterPlan | None = None

    @property
    def exchanges_data(self) -> bool:
        """bool: Whether the run will train on other data than those it starts with."""
        if isinstance(self.plan, TwoStagePlan):
            return self.plan.model.classifier is not None
        return self.interval is not None

    @property
    def kept(self):
        """np.ndarray, optional: (N,) bool, the samples that the training data consist of; None
        while that is all of them."""
        selection = None if self.plan is None else self.plan.selection
        return None if selection is None else selection.kept

    def before_run(self, runner: Runner) -> None:
        """Check the settings and the data before any training time is spent, and start stage 1.

        Raises:
            TypeError: If the model or the loop is of another kind.
            ValueError: If the epochs of a stage are not positive, a selection file is of another
                data set, or the classifier does not fit the data that a selection will leave.
        """
        if not is_training(runner):
            return
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise TypeError(
                f'train_cfg builds {type(runner.train_loop).__name__}, but the stages of DeFT are '
                'counted in epochs: set train_cfg=dict(by_epoch=True, max_epochs=..., '
                'val_interval=1).'
            )
        model = getattr(runner.model, 'module', runner.model)
        dataset = _whole(runner.train_dataloader.dataset)
        if self.selection_pass.skip_unreadable and isinstance(dataset, NoisyLabelDataset):
            dataset.skip_unreadable = True
        self.selection_pass.prepare(runner, dataset)
        self.plan = (TwoStagePlan if isinstance(model, DeFT) else RefilterPlan)(self, model)
        self.plan.start(runner)

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
            self.selection_pass.fingerprint,
            'The checkpoint to resume from',
            hint='Resume with the same data, noise and seed, or start anew in another --work-dir.',
        )
        self.plan.resume(runner, checkpoint, state)
        done = checkpoint['meta']['iter'] - state['begin_iter']
        if done % len(runner.train_dataloader):
            raise ValueError(
                f'The checkpoint to resume from was saved in the middle of an epoch ({done} '
                f'iterations into a stage of {len(runner.train_dataloader)} an epoch), whose first '
                'part would be trained twice: resume from one that was saved at the end of an '
                'epoch with the same batch size and number of processes.'
            )

    def before_train(self, runner: Runner) -> None:
        """Start counting iterations; a new run starts in stage 1 whatever it was loaded from."""
        self.plan.begin(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Select, and train on what is kept, where that is due."""
        self.plan.before_epoch(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Report what would be kept, where that is due."""
        if self.detection_interval and (runner.epoch + 1) % self.detection_interval == 0:
            self.plan.look(runner)

    def after_val(self, runner: Runner) -> None:
        """Go on with stage 2 when EarlyStoppingHook has ended stage 1."""
        if is_training(runner) and runner.train_loop.stop_training:
            self.plan.stopped_early(runner)

    def after_train(self, runner: Runner) -> None:
        """Write the selection file of a run that has no next stage."""
        self.plan.end(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs to know of the stages."""
        checkpoint[_STATE] = dict(
            version=_STATE_VERSION,
            fingerprint=self.selection_pass.fingerprint.to_dict(),
            **self.plan.state(),
        )


def _whole(dataset: Dataset) -> Dataset:
    """The data set without MMEngine's cut to ``num_batch_per_epoch``."""
    return getattr(dataset, '_dataset', dataset)
