"""One learned prompt for every class, as a classifier.

Shapes: B samples, C classes, E embedding width.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.registry import MODELS
from torch import Tensor

from .learned_text_head import LearnedTextHead


@MODELS.register_module()
class PromptHead(LearnedTextHead):
    r"""CLIP as a classifier whose prompt is learned: context optimisation (CoOp).

    With unit-length image features :math:`v`, features :math:`t_c` of the prompts "context, name of
    class c" and CLIP's frozen scale :math:`s` the logits are

    .. math::
        z_{ic} = s\, v_i \cdot t_c

    The context vectors are what is trained, and what the backbone trains; the text tower is frozen.
    It is :class:`~deft_mm.models.heads.DualPromptHead` without negative prompts, whose positive
    ones these are: a context that was trained here is called ``prompts.pos_ctx`` in both.

    The classification loss says which method it is: cross entropy is CoOp (`Learning to Prompt for
    Vision-Language Models <https://arxiv.org/abs/2109.01134>`_), ``GCELoss`` is PTNL (`Why Is
    Prompt Tuning for Vision-Language Models Robust to Noisy Labels?
    <https://arxiv.org/abs/2307.11978>`_), ``SplitLoss`` with an ``OptimalTransportSelector`` is
    NLPrompt (`Noise-Label Prompt Learning for Vision-Language Models
    <https://arxiv.org/abs/2412.01256>`_). A PEFT method in the backbone trains the image tower,
    too.

    Args:
        clip (dict | str): The CLIP model, as for :func:`deft_mm.models.clip.load_text_tower`.
        num_classes (int): Number of classes, at least 2.
        class_names (Sequence[str], optional): Class names in the order of the labels; None if the
            data set's metainfo gives them (:meth:`set_class_names`). Defaults to None.
        n_ctx (int): Number of learnable context vectors. Defaults to 16.
        class_position (str): Where the class name stands in the prompt: 'end', 'front' or 'middle'.
            Defaults to 'end'.
        class_specific (bool): Whether every class has a context of its own. Defaults to False.
        ctx_init (str, optional): Words that start the context, such as 'a photo of a'; None for
            random. Defaults to None.
        ctx_init_std (float): Standard deviation of the random initial values. Defaults to 0.02.
        loss (dict): The classification loss. Defaults to ``dict(type='CrossEntropyLoss')``.
        text_memory_gb (float, optional): Bound on what the text tower keeps for the backward pass,
            see :class:`~deft_mm.models.heads.DualPromptHead`; None for no bound. Defaults to 8.0.
        topk (int | tuple[int]): The k of the accuracies of ``cal_acc``. Defaults to ``(1,)``.
        cal_acc (bool): Whether to log the accuracy of training batches. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: If a setting is out of range, or if class names don't fit in number or length.

    Example:

        .. code:: python

            clip = dict(model='ViT-B-16', pretrained='openai')
            model = dict(
                type='ImageClassifier',
                backbone=dict(type='CLIPVisionTransformer', clip=clip),
                head=dict(type='PromptHead', clip=clip, num_classes=100))
    """

    def __init__(
        self,
        clip: dict | str,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        n_ctx: int = 16,
        class_position: str = 'end',
        class_specific: bool = False,
        ctx_init: str | None = None,
        ctx_init_std: float = 0.02,
        loss: dict | None = None,
        text_memory_gb: float | None = 8.0,
        topk: int | tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            clip=clip,
            num_classes=num_classes,
            loss=loss,
            topk=topk,
            cal_acc=cal_acc,
            init_cfg=init_cfg,
        )
        self._begin_prompts(
            class_names,
            text_memory_gb,
            n_ctx=n_ctx,
            class_position=class_position,
            class_specific=class_specific,
            ctx_init=ctx_init,
            ctx_init_std=ctx_init_std,
            negative=False,
        )

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Scaled similarity to the prompt of every class: logits, float32 of shape (B, C)."""
        return self.scaled_similarity(feats)
