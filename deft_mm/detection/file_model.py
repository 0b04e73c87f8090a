"""A trained classifier or detector, ready for image files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmengine.config import Config
from torch import nn

from deft_mm.datasets import ImageListDataset
from deft_mm.detection.classifier_loading import classifier_of
from deft_mm.detection.data_source import DataSource, files_to_rgb
from deft_mm.detection.detector_loading import build_detector, detector_classes
from deft_mm.detection.evaluation_transforms import evaluation_transforms


@dataclass(frozen=True)
class FileModel:
    """A model of a run, and how it sees image files.

    Args:
        model (nn.Module): An ``ImageClassifier`` in evaluation mode, on the CPU.
        cfg (Config): The config of the run; of a DeFT run's classifier, that with this classifier
            as its ``model``.
        class_names (list[str]): C names, in the order of the labels.
        dataset (ImageListDataset): The files.
        transforms (list[dict]): Evaluation transforms, which read files.
        preprocessor (dict): Config of the data preprocessor.
    """

    model: nn.Module
    cfg: Config
    class_names: list[str]
    dataset: ImageListDataset
    transforms: list[dict]
    preprocessor: dict


def file_model(
    cfg: Config, checkpoint: Mapping, paths: Sequence[str], source: str, part: str = 'classifier'
) -> FileModel:
    """Build the classifier of a run, or its detector, for image files.

    Args:
        cfg (Config): Config of the run.
        checkpoint (Mapping): A checkpoint of it, see
            :func:`~deft_mm.detection.detector_loading.load_checkpoint`.
        paths (Sequence[str]): The files, one or more; nothing is read of them.
        source (str): What to call the checkpoint in an error.
        part (str): 'classifier' or 'detector'; of a model that is not DeFT, either is the whole.
            Defaults to 'classifier'.

    Returns:
        FileModel: The model.

    Raises:
        ValueError: If the checkpoint has no such part, or other weights.
    """
    checkpoint = dict(checkpoint)
    if part == 'classifier':
        cfg, checkpoint = classifier_of(cfg, checkpoint, source)
    names = detector_classes(cfg, checkpoint)
    dataset = ImageListDataset(paths, names)
    data = DataSource(
        '', dict(pipeline=[dict(type='LoadImageOfAnyKind')]), files_to_rgb(cfg), text=''
    )
    transforms, preprocessor = evaluation_transforms(cfg, data, dataset)
    model = build_detector(cfg, checkpoint, preprocessor, source=source, what=part)
    return FileModel(model, cfg, names, dataset, transforms, preprocessor)
