"""What parts of a model need to know of the run that trains it."""

from __future__ import annotations

from dataclasses import dataclass

from mmpretrain.structures import DataSample
from torch import Tensor


@dataclass
class TrainingContext:
    """The facts of a run that MMPretrain's heads don't pass on: a loss gets scores and targets.

    There is one of it a run, which :class:`~deft_mm.engine.hooks.LossContextHook` keeps up to date;
    every :class:`ContextModule` of the model holds it, and so do copies of the model (EMA).

    Args:
        epoch (int): How many epochs of the current stage are finished. Defaults to 0.
        num_samples (int, optional): Number of training samples, before any of them are filtered
            out: one more than the highest ``sample_idx``. Defaults to None, not asked for.
        class_counts (Tensor, optional): How often each label is given in the current training data,
            int64 of shape (C,). Defaults to None, not asked for.
        data_samples (list[DataSample], optional): The samples of the batch that is trained on.
            Defaults to None.
        starts_anew (bool): Whether what is remembered of each sample is another run's: set while
            modules enter a run that is not resumed. Defaults to False.
    """

    epoch: int = 0
    num_samples: int | None = None
    class_counts: Tensor | None = None
    data_samples: list[DataSample] | None = None
    starts_anew: bool = False

    def __deepcopy__(self, memo: dict) -> TrainingContext:
        return self


class ContextModule:
    """Mixin of modules that read the :class:`TrainingContext`.

    Example:

        .. code:: python

            @MODELS.register_module()
            class MyLoss(ContextModule, nn.Module):
                context_needs = ('class_counts',)

                def forward(self, cls_score, target, **kwargs):
                    ...  # self.context.class_counts, self.context.epoch

    Attributes:
        context_needs (tuple[str]): Which of 'num_samples' and 'class_counts' are to be counted.
        sample_fields (dict[str, str]): Fields of a ``DataSample`` that are read, and what gives
            them, for the message where they are missing.
        warmup_setting (str): The attribute that says after how many epochs of its stage it does in
            full what it is for; empty where that is at once.
        context (TrainingContext, optional): The run's; None before :meth:`enter`.
    """

    context_needs: tuple[str, ...] = ()
    sample_fields: dict[str, str] = {}
    warmup_setting: str = ''
    context: TrainingContext | None = None

    def enter(self, context: TrainingContext) -> None:
        """Take part in a run, or in training on other data.

        It is called before the run, when buffers must get their sizes (EMA copies them), again
        after weights are loaded, and whenever the training data are exchanged.

        Args:
            context (TrainingContext): The run's.
        """
        self.context = context
