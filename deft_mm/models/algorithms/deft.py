"""DeFT: a noisy-label detector and the classifier adapted on what it keeps, in one model."""

from __future__ import annotations

import copy

import torch
from mmengine.model import BaseModel
from mmpretrain.registry import MODELS
from torch import nn

STAGES = ('detector', 'classifier')


@MODELS.register_module()
class DeFT(BaseModel):
    """Denoising fine-tuning (DeFT), both stages in one runner.

    Stage 1 trains ``detector``, stage 2 trains ``classifier`` on the samples that the detector
    keeps (`Vision-Language Models are Strong Noisy Label Detectors
    <https://arxiv.org/abs/2409.19696>`_, Sec. 4). At any time exactly one child is active:
    ``train_step``, ``val_step``, ``test_step`` and ``forward`` are the active child's own, so that
    losses, metrics and predictions are those of an ordinary MMPretrain classifier.

    :class:`~deft_mm.engine.hooks.NoiseFilterHook` switches from one stage to the next. The stage is
    part of the state dict: a checkpoint is evaluated with the child that was active when it was
    saved.

    Args:
        detector (dict): Config of the stage-1 model, an ``ImageClassifier`` whose head gives a
            clean probability, such as :class:`~deft_mm.models.heads.DualPromptHead`.
        classifier (dict, optional): Config of the stage-2 model, any MMPretrain classifier. None
            runs stage 1 alone. Defaults to None.
        data_preprocessor (dict, optional): The preprocessing config of every child that has none of
            its own. Defaults to None.
        init_head_from_detector (bool): Whether stage 2 starts with the detector's head, as TURN
            does after a linear probe (arXiv 2310.17668), in place of a new one. Both must have the
            same parameters. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.
    """

    def __init__(
        self,
        detector: dict,
        classifier: dict | None = None,
        data_preprocessor: dict | None = None,
        init_head_from_detector: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        # Each child has its own; a second registration of the active one's would change the order
        # of the model's buffers with the stage, by which EMA pairs them.
        del self._modules['data_preprocessor']
        self.detector = self._build_child(detector, data_preprocessor)
        self.classifier = (
            None if classifier is None else self._build_child(classifier, data_preprocessor)
        )
        self.init_head_from_detector = init_head_from_detector
        if init_head_from_detector:
            self._require_equal_heads()
        # Persistent, so that a checkpoint knows which child it is about; `_stage` mirrors it on the
        # host, since reading a device tensor in every iteration would wait for the device.
        self.register_buffer('stage', torch.zeros((), dtype=torch.int64))
        self.set_stage('detector')

    @staticmethod
    def _build_child(cfg: dict, data_preprocessor: dict | None) -> nn.Module:
        cfg = copy.deepcopy(cfg)
        if data_preprocessor is not None and cfg.get('data_preprocessor') is None:
            cfg['data_preprocessor'] = copy.deepcopy(data_preprocessor)
        return MODELS.build(cfg)

    def _require_equal_heads(self) -> None:
        if self.classifier is None:
            raise ValueError(
                'DeFT.init_head_from_detector=True hands a head on, but model.classifier is None: '
                'give the model one, or leave it out.'
            )
        of_detector, of_classifier = (
            {name: tuple(value.shape) for name, value in child.head.state_dict().items()}
            for child in (self.detector, self.classifier)
        )
        if of_detector != of_classifier:
            raise ValueError(
                'DeFT.init_head_from_detector=True needs two heads alike, but that of '
                f'model.detector has {of_detector}, that of model.classifier {of_classifier}: make '
                'both a LinearClsHead of equal in_channels, for example, or leave it out.'
            )

    def begin_classifier(self) -> None:
        """Give the classifier what it starts from, when its stage begins."""
        if self.init_head_from_detector:
            self.classifier.head.load_state_dict(self.detector.head.state_dict())

    @property
    def active_stage(self) -> str:
        """Name of the active child, ``'detector'`` or ``'classifier'``."""
        return STAGES[self._stage]

    @property
    def active(self) -> nn.Module:
        """The active child."""
        return getattr(self, self.active_stage)

    @property
    def data_preprocessor(self) -> nn.Module:
        """The active child's preprocessor, where hooks and inferencers look for the model's."""
        return self.active.data_preprocessor

    def set_stage(self, name: str, begin_epoch: int = 0) -> None:
        """Make the child of that name the active one.

        Args:
            name (str): ``'detector'`` or ``'classifier'``.
            begin_epoch (int): The first epoch of the stage, from which its own epochs are counted.
                Defaults to 0.

        Raises:
            ValueError: If there is no such child.
        """
        if name not in STAGES or getattr(self, name) is None:
            known = [stage for stage in STAGES if getattr(self, stage) is not None]
            raise ValueError(f'This model has no stage {name!r}; its stages are {known}.')
        self._stage = STAGES.index(name)
        self.stage_begin_epoch = begin_epoch
        self.stage.fill_(self._stage)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        if f'{prefix}stage' in state_dict:
            # On a resume the stage has been entered before its weights are loaded.
            stage = STAGES[int(state_dict[f'{prefix}stage'])]
            self.set_stage(stage, self.stage_begin_epoch if stage == self.active_stage else 0)

    def train_step(self, data, optim_wrapper) -> dict[str, torch.Tensor]:
        """One optimisation step of the active child with its own optimiser."""
        return self.active.train_step(data, optim_wrapper[self.active_stage])

    def val_step(self, data) -> list:
        """Predictions of the active child."""
        return self.active.val_step(data)

    def test_step(self, data) -> list:
        """Predictions of the active child."""
        return self.active.test_step(data)

    def forward(self, inputs: torch.Tensor, data_samples: list | None = None, mode: str = 'tensor'):
        """Forward of the active child; see ``mmpretrain.models.ImageClassifier.forward``.

        Args:
            inputs (Tensor): A preprocessed batch of shape (B, C, H, W).
            data_samples (list[DataSample], optional): Its annotations. Defaults to None.
            mode (str): ``'tensor'``, ``'predict'`` or ``'loss'``. Defaults to ``'tensor'``.
        """
        return self.active(inputs, data_samples, mode=mode)

    def extract_feat(self, inputs: torch.Tensor, **kwargs):
        """Features of the active child; see ``mmpretrain.models.ImageClassifier.extract_feat``."""
        return self.active.extract_feat(inputs, **kwargs)
