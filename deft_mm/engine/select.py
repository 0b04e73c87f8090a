"""The one pass from a model to a selection: score every sample, decide which are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper
from mmengine.runner import Runner, autocast
from torch import nn
from torch.utils.data import Dataset

from deft_mm.datasets import sample_table_of
from deft_mm.engine.kept_features import FeatureFolder
from deft_mm.engine.scoring_pass import columns_of, score_samples
from deft_mm.engine.stage_switch import active_optim_wrapper
from deft_mm.main_process import on_main_process
from deft_mm.selection import ClassMatching, SampleTable, SelectionLimits, Selector
from deft_mm.selection.sample_details import MOST_COMPARED, PER_SAMPLE


def select(
    model: nn.Module,
    dataset: Dataset,
    selector: Selector,
    limits: SelectionLimits | None = None,
    *,
    pipeline: Sequence[dict | Callable],
    table: SampleTable | None = None,
    batch_size: int = 64,
    num_workers: int = 0,
    skip_unreadable: bool = False,
    matching: ClassMatching | None = None,
    among_all: bool = False,
    keep_unmatched: bool = True,
    runner: Runner | None = None,
    amp_dtype: torch.dtype | None = None,
    config: str = '',
    features: FeatureFolder | None = None,
    compare: bool = False,
) -> SampleTable:
    """Score a data set and select from it.

    In a run, scores are those of the model as validation sees it: of the averaged weights where
    there is an ``EMAHook``, and in the precision in which the model is trained.

    Samples of a class that the model doesn't have are left unscored: no clean probability and no
    prediction. The evidence being silent, they are kept by default; rejected, whole classes would
    be missing.

    A prediction is one of the classes that data and model have in common. As long as wrong labels
    are labels of other samples of the data, a class that the data don't have can't be right, and to
    let it compete would reject right labels for its sake. That is different where images may show
    anything at all, or where the model lacks classes of the data; ``among_all`` lets all its
    classes compete. The clean probability of dual prompts is a matter of one class and doesn't
    depend on it.

    Args:
        model (nn.Module): An ``ImageClassifier``.
        dataset (Dataset): The data set, of N samples.
        selector (Selector): Decides which samples are kept.
        limits (SelectionLimits, optional): Corrects what rejects too much or too little. Defaults
            to None.
        pipeline (Sequence[dict | Callable]): Evaluation transforms, ending in ``PackInputs``.
        table (SampleTable, optional): The samples, where they have been listed already. Defaults to
            None.
        batch_size (int): Samples a forward pass, in each process. Defaults to 64.
        num_workers (int): Data-loading workers of each process. Defaults to 0.
        skip_unreadable (bool): Reject images that can't be read instead of stopping. Defaults to
            False.
        matching (ClassMatching, optional): Which classes of the model those of the data are; None
            where they are the same. Defaults to None.
        among_all (bool): Whether a prediction may be a class that the data don't have. Defaults to
            False.
        keep_unmatched (bool): Whether samples that aren't scored are kept. Defaults to True.
        runner (Runner, optional): The run that the model is trained in. Defaults to None.
        amp_dtype (torch.dtype, optional): Without a runner, the type of mixed precision; None for
            none. Defaults to None.
        config (str): Name of the config file, for the selection file. Defaults to ''.
        features (FeatureFolder, optional): Where the features of a frozen CLIP are kept, so that
            they are computed once. Defaults to None.
        compare (bool): Whether features of up to 100,000 samples are wanted although the selector
            needs none, for :class:`~deft_mm.selection.sample_details.SampleDetails`. Defaults to
            False.

    Returns:
        SampleTable: The same in every process; possibly nothing is kept. It has the columns that
        people are shown, too.

    Raises:
        ValueError: If no sample can be scored, the selector needs what the model doesn't give or
            returns something else than two arrays of N values, a score is infinite, weights are not
            finite, or an image can't be read and ``skip_unreadable`` is False.
    """
    table = sample_table_of(dataset) if table is None else table
    shown = [name for name in PER_SAMPLE if name in columns_of(model)]
    if compare and len(table) <= MOST_COMPARED:
        shown.append('feature')
    with _averaged_weights(runner), precision_of(runner, amp_dtype):
        table = score_samples(
            model,
            dataset,
            table,
            pipeline,
            needs=tuple(dict.fromkeys((*selector.needs, *shown))),
            batch_size=batch_size,
            num_workers=num_workers,
            skip_unreadable=skip_unreadable,
            matching=matching,
            among_all=among_all,
            features=features,
        )
    # A fit may differ in the last digit between machines: one of them decides.
    kept, score = on_main_process(lambda: _decide(table, selector, limits))
    return table.with_columns(
        kept=np.where(table.scored, kept, keep_unmatched),
        score=score,
        clean_prob=score if selector.gives_probability else table.clean_prob,
        method=type(selector).__name__,
        config=config,
    )


def _decide(
    table: SampleTable, selector: Selector, limits: SelectionLimits | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which samples are kept, and the selector's score of each."""
    kept, score = _arrays(selector(table), len(table), type(selector).__name__)
    kept = kept & table.readable & table.scored
    if limits is not None:
        scored = table.scored
        kept[scored] = limits.apply(
            kept[scored], score[scored], table.label[scored], table.readable[scored]
        )
    return kept, score


def _arrays(answer: Any, num_samples: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """What a selector has returned, checked."""
    parts = [np.asarray(part) for part in answer] if isinstance(answer, (tuple, list)) else []
    shapes = [part.shape for part in parts]
    if shapes != [(num_samples,)] * 2 or parts[0].dtype != np.bool_:
        found = [f'{part.dtype} of shape {part.shape}' for part in parts]
        raise ValueError(
            f'{name} returned {" and ".join(found) or type(answer).__name__}: a selector returns '
            f'two arrays of shape ({num_samples},), bool, True for a sample to keep, and a score.'
        )
    score = parts[1].astype(np.float64)
    with np.errstate(over='ignore'):  # files of others have single precision
        infinite = np.flatnonzero(np.isinf(score.astype(np.float32)))
    if len(infinite):
        raise ValueError(
            f'{name} returned an infinite score for {len(infinite)} samples (first: '
            f'{infinite[0]}): a score is a number, or NaN for a sample without one.'
        )
    return parts[0], score


@contextmanager
def _averaged_weights(runner: Runner | None) -> Iterator[None]:
    """The weights that validation uses."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, EMAHook)] if runner else []
    for hook in hooks:
        hook.before_val_epoch(runner)
        print_log('Scoring with the averaged weights of EMAHook, as validation does.', 'current')
    try:
        yield
    finally:
        for hook in hooks:
            hook.after_val_epoch(runner)


def precision_of(
    runner: Runner | None, amp_dtype: torch.dtype | None = None
) -> AbstractContextManager:
    """The precision in which a run trains.

    Args:
        runner (Runner, optional): The run.
        amp_dtype (torch.dtype, optional): Without a run, the type of mixed precision. Defaults to
            None.

    Returns:
        AbstractContextManager: Autocast, or nothing.
    """
    wrapper = None if runner is None else active_optim_wrapper(runner)
    if isinstance(wrapper, AmpOptimWrapper):
        return autocast(dtype=wrapper.cast_dtype)
    return nullcontext() if amp_dtype is None else autocast(dtype=amp_dtype)
