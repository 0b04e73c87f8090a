"""Accuracy on each of several validation sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpretrain.evaluation import Accuracy
from mmpretrain.registry import METRICS


@METRICS.register_module()
class AccuracyPerDataset(Accuracy):
    """MMPretrain's Accuracy, once for each data set of a :class:`NamedConcatDataset`.

    The metrics are called '<name of the data set>/accuracy/top1', so that
    ``save_best='webvision/accuracy/top1'`` follows one of them. Samples of data sets without a name
    count as 'accuracy/top1'.

    Args:
        **kwargs: Arguments of :class:`mmpretrain.evaluation.Accuracy`, such as ``topk``.

    Example:

        .. code:: python

            val_evaluator = dict(type='AccuracyPerDataset', topk=(1,))
    """

    default_prefix = None

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Note predictions, labels and data set of a batch."""
        begin = len(self.results)
        super().process(data_batch, data_samples)
        for result, sample in zip(self.results[begin:], data_samples, strict=True):
            result['dataset_name'] = sample.get('dataset_name', '')

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Compute the accuracy on each data set, in percent, by data set and k."""
        groups: dict[str, list[dict]] = {}
        for result in results:
            groups.setdefault(result['dataset_name'], []).append(result)
        metrics = {}
        for name, group in groups.items():
            prefix = f'{name}/accuracy' if name else 'accuracy'
            for key, value in super().compute_metrics(group).items():
                metrics[f'{prefix}/{key}'] = value
        return metrics
