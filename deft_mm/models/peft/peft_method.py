"""The interface between parameter-efficient tuning methods and the CLIP backbones.

B samples, T tokens, D width of the residual stream, M width of the MLP.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from mmpretrain.registry import MODELS
from torch import nn


class PEFTMethod(nn.Module):
    """A way of tuning a frozen backbone. Base class; on its own it changes nothing.

    A backbone calls :meth:`attach` once, in its ``__init__``, after freezing itself. There a method
    creates its parameters, or unfreezes some of the backbone's. In the forward pass the backbone
    hands its intermediate values through the ``on_*`` functions of all methods, in the order of
    the config; a method overrides those it needs. Below the first tuned block autograd
    records nothing, because nothing there requires a gradient.

    A new method is a subclass registered in ``MODELS`` that names in ``fits`` the kinds of
    backbone it knows, 'vit' or 'resnet'.
    """

    #: Kinds of backbone (their ``kind``) that the method can tune.
    fits: tuple[str, ...] = ('vit',)
    #: Whether batch-norm statistics are trained along with their weights.
    trains_statistics: bool = False

    def attach(self, backbone: nn.Module) -> None:
        """Creates the method's parameters for a frozen backbone, or unfreezes some of its own.

        Args:
            backbone (CLIPVisionTransformer or CLIPResNet): To be read, not kept.
        """

    def on_tokens(self, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        """Tokens that enter a block, the class token first. T may change."""
        return x_BTD

    def on_qkv(self, qkv_BT3D: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        """Queries, keys and values (concatenated), computed from ``x_BTD``."""
        return qkv_BT3D

    def on_attn_out(self, out_BTD: torch.Tensor, block: int) -> torch.Tensor:
        """Output of the attention branch, before the residual is added."""
        return out_BTD

    def on_mlp_in(self, hidden_BTM: torch.Tensor, block: int) -> torch.Tensor:
        """Hidden layer of the MLP before its activation, which may overwrite what is returned."""
        return hidden_BTM

    def on_mlp_out(self, out_BTD: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        """Output of the MLP branch, before the residual ``x_BTD`` is added."""
        return out_BTD

    def on_conv(self, x_BCHW: torch.Tensor, site: str) -> torch.Tensor:
        """Output of a batch norm of a ResNet; ``site`` is its name there."""
        return x_BCHW

    def extra_repr(self) -> str:
        return ', '.join(
            f'{key}={value!r}'
            for key, value in vars(self).items()
            if not key.startswith('_') and key != 'training'
        )


class LastBlocksMethod(PEFTMethod):
    """A method that tunes the last residual blocks.

    Args:
        last_n_blocks (int, optional): How many blocks are tuned, counted from the output. Defaults
            to None, all.
    """

    def __init__(self, last_n_blocks: int | None = None) -> None:
        super().__init__()
        self.last_n_blocks = last_n_blocks

    def tuned(self, backbone: nn.Module) -> range:
        """Indices of the blocks to tune.

        Raises:
            TypeError: ``last_n_blocks`` is no integer.
            ValueError: There are not so many blocks.
        """
        last, depth, key = self.last_n_blocks, backbone.num_layers, type(self).__name__
        if last is None:
            return range(depth)
        if isinstance(last, bool) or not isinstance(last, int):
            raise TypeError(f'{key}.last_n_blocks must be an integer or None: {last!r}')
        if not 1 <= last <= depth:
            raise ValueError(
                f'{key}.last_n_blocks={last}, but the backbone has {depth} blocks: choose '
                f'1..{depth}, or None for all'
            )
        return range(depth - last, depth)


class BlockMethod(LastBlocksMethod, ABC):
    """A method that has a module in each of these blocks: ``blocks``, by their number."""

    def attach(self, backbone: nn.Module) -> None:
        self.blocks = nn.ModuleDict(
            {str(block): self.module_for(backbone) for block in self.tuned(backbone)}
        )

    @abstractmethod
    def module_for(self, backbone: nn.Module) -> nn.Module:
        """The module of one block."""

    def at(self, block: int) -> nn.Module | None:
        """The module of a block; None where the block is not tuned."""
        key = str(block)
        if key not in self.blocks:  # a ModuleDict has no `get`
            return None
        return self.blocks[key]


def positive_int(value: int, key: str) -> int:
    """Return ``value``, if it is a positive integer; ``key`` says in the error what it is."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f'{key} must be a positive integer, but is {value!r}')
    return value


def attach_peft(peft: dict | Sequence[dict] | None, backbone: nn.Module) -> nn.ModuleDict:
    """Builds tuning methods and attaches them to a frozen backbone.

    Args:
        peft (dict or list[dict], optional): Config of one method or of several. None tunes nothing.
        backbone (nn.Module): Frozen; its ``kind`` is 'vit' or 'resnet'.

    Returns:
        nn.ModuleDict: The methods by class name in lower case, in the order of the config.

    Raises:
        TypeError: Neither a dict nor a list of dicts.
        ValueError: An unknown method, one that doesn't fit the backbone, or one named twice.
    """
    cfgs = [] if peft is None else [peft] if isinstance(peft, dict) else peft
    if not isinstance(cfgs, (list, tuple)) or not all(isinstance(cfg, dict) for cfg in cfgs):
        raise TypeError(f"peft must be a dict such as dict(type='VPT') or a list of them: {peft!r}")
    methods = nn.ModuleDict()
    for cfg in cfgs:
        name = cfg.get('type')
        cls = MODELS.get(name) if isinstance(name, str) else name
        if not (isinstance(cls, type) and issubclass(cls, PEFTMethod)):
            raise ValueError(
                f'peft.type={name!r} is not a tuning method; known: {", ".join(known_methods())}'
            )
        if backbone.kind not in cls.fits:
            fitting = ', '.join(
                name for name, known in known_methods().items() if backbone.kind in known.fits
            )
            raise ValueError(
                f'peft: {cls.__name__} does not fit {type(backbone).__name__}; these do: {fitting}'
            )
        name = cls.__name__.lower()
        if name in methods:
            raise ValueError(f'peft: {cls.__name__} is named twice')
        methods[name] = MODELS.build(cfg)
    for method in methods.values():
        method.attach(backbone)
    return methods


def known_methods() -> dict[str, type[PEFTMethod]]:
    """The registered tuning methods by name."""
    return {
        name: cls
        for name, cls in sorted(MODELS.module_dict.items())
        if isinstance(cls, type) and issubclass(cls, PEFTMethod)
    }
