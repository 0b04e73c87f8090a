"""Prompts packed for the text tower: what all of them share once, the rest without padding.

Shapes: P polarities, C classes, L tokens of the prefix that all prompts share, G groups of S
tokens, D text width, n context vectors of a table of tokens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonprefix

import torch
from torch import Tensor, nn

# How much longer than the longest suffix a group may be.
MAX_SPARE = 64


@dataclass(frozen=True)
class Tokens:
    """Rows of tokens, each a word or a context vector.

    Args:
        ids (Tensor): int64 of shape (rows, tokens): words; anything where a context vector stands.
        positions (Tensor): int64 of the same shape: places in the prompt, for the position
            embedding.
        ctx_places (Tensor): int64 of shape (n,): places of context vectors in the flattened table.
        ctx_rows (Tensor): int64 of shape (n,): which context vector stands there; class-specific
            ones are counted through, class by class.
    """

    ids: Tensor
    positions: Tensor
    ctx_places: Tensor
    ctx_rows: Tensor


@dataclass(frozen=True)
class Suffixes:
    """What follows the shared prefix, for some of the classes.

    Args:
        tokens (Tokens): Tables of shape (G, S): suffixes one after the other, then unused places.
        mask (Tensor): float32 of shape (G, S, L + S), to be added to attention scores: 0 for the
            prefix, the token itself and earlier ones of the same class, else -inf.
        eot (Tensor): int64, one entry a class: places of the end tokens in the flattened table.
    """

    tokens: Tokens
    mask: Tensor
    eot: Tensor


@dataclass(frozen=True)
class PackedPrompts:
    """Prompts of all classes as one shared prefix and groups of class suffixes.

    The prefix is what all prompts begin with: start token and context, if the context is shared and
    the class name stands at the end; half of the context, if the name is in the middle; the start
    token alone, if it is in front, or if contexts are class-specific. Words that all prompts begin
    with belong to it, too.

    Names differ in length. So suffixes are not padded to the longest, but several share a group of
    S tokens, where the mask keeps them apart. S is chosen such that few places stay unused and few
    keys are masked.

    Args:
        prefix (Tokens): Tables of shape (1, L).
        chunks (tuple[Suffixes]): The suffixes of all classes, as many in a chunk as fit in the
            memory bound.
        order (Tensor): int64 of shape (C,): the place of each class in the chunks' end tokens, one
            chunk after the other.
    """

    prefix: Tokens
    chunks: tuple[Suffixes, ...]
    order: Tensor

    @classmethod
    def pack(
        cls,
        text: nn.Module,
        prompts: Sequence[Sequence[int]],
        n_polarities: int = 1,
        memory_gb: float | None = None,
    ) -> PackedPrompts:
        """Pack prompts for a text tower.

        Args:
            text (nn.Module): The text tower (:func:`deft_mm.models.clip.load_text_tower`); only its
                sizes and its device are read.
            prompts (Sequence[Sequence[int]]): One prompt a class, see :func:`lay_out_prompts`.
            n_polarities (int): P, how many sets of contexts run together. Defaults to 1.
            memory_gb (float, optional): Bound, in units of 2**30 bytes, on what the tower keeps of
                one chunk for the backward pass, in float32; a chunk has at least one group. None
                for one chunk of all classes. Defaults to None.
        """
        # End tokens never belong to what all prompts begin with.
        n_prefix = len(commonprefix([prompt[:-1] for prompt in prompts]))
        suffixes = [torch.tensor(prompt[n_prefix:]) for prompt in prompts]
        groups, size = _best_groups([len(suffix) for suffix in suffixes], n_prefix, text.width)
        max_groups = len(groups)
        if memory_gb is not None:
            group_bytes = n_polarities * size * _bytes_per_token(text, n_prefix, size)
            max_groups = max(1, int(memory_gb * 2**30 / group_bytes))

        device = text.positional_embedding.device
        prefix_1L = torch.tensor([prompts[0][:n_prefix]])
        packed = torch.tensor([c for group in groups for c in group])
        return cls(
            prefix=_tokens(prefix_1L, torch.arange(n_prefix)[None], device),
            chunks=tuple(
                _suffixes([[suffixes[c] for c in group] for group in chunk], size, n_prefix, device)
                for chunk in _split(groups, max_groups)
            ),
            order=packed.argsort().to(device),
        )


def _best_groups(lengths: Sequence[int], n_prefix: int, width: int) -> tuple[list[list[int]], int]:
    """Classes in groups, and the size of a group, at which the tower has least to do.

    Linear layers cost by token; attention, by token and key. On CPUs the attention of a token to as
    many keys as the tower is wide takes about as long as its linear layers.
    """
    longest = max(lengths)
    candidates = []
    for size in range(longest, longest + MAX_SPARE):
        # A number of keys that the attention kernels of GPUs take without padding.
        if (n_prefix + size) % 8 == 0:
            groups = _best_fit(lengths, size)
            candidates.append((len(groups) * size * (width + n_prefix + size), size, groups))
    _, size, groups = min(candidates)
    return groups, size


def _best_fit(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Bin packing: longest first, each into the fullest group that has room for it."""
    groups: list[list[int]] = []
    by_room: dict[int, list[list[int]]] = defaultdict(list)
    for c in sorted(range(len(lengths)), key=lambda c: -lengths[c]):
        room = next((r for r in range(lengths[c], size + 1) if by_room[r]), None)
        if room is None:
            group, room = [], size
            groups.append(group)
        else:
            group = by_room[room].pop()
        group.append(c)
        by_room[room - lengths[c]].append(group)
    return groups


def _split(groups: list, max_groups: int) -> list[list]:
    """Groups in chunks of nearly equal size."""
    n_chunks = -(-len(groups) // max_groups)
    bounds = [len(groups) * i // n_chunks for i in range(n_chunks + 1)]
    return [groups[start:stop] for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]


def _bytes_per_token(text: nn.Module, n_prefix: int, size: int) -> float:
    """What the tower keeps of one suffix token for the backward pass, in float32.

    Its weights are frozen, so that linear layers keep nothing: in a block there remain the inputs
    of both layer norms, query and output of the attention, the keys and values of a group, prefix
    included, and the hidden layer of the MLP.
    """
    blocks = text.transformer.resblocks
    hidden = blocks[0].mlp.c_fc.out_features
    keys_and_values = 2 * text.width * (n_prefix + size) / size
    return 4 * len(blocks) * (4 * text.width + keys_and_values + hidden)


def _suffixes(
    groups: Sequence[Sequence[Tensor]], size: int, n_prefix: int, device: torch.device
) -> Suffixes:
    """Tables of groups of suffixes, which are what prompts have behind the prefix."""
    sources_GS = torch.zeros(len(groups), size, dtype=torch.int64)
    positions_GS = torch.full_like(sources_GS, n_prefix)
    owner_GS = torch.full_like(sources_GS, -1)
    eot = []
    for g, group in enumerate(groups):
        start = 0
        for owner, suffix in enumerate(group):
            stop = start + len(suffix)
            sources_GS[g, start:stop] = suffix
            positions_GS[g, start:stop] += torch.arange(len(suffix))
            owner_GS[g, start:stop] = owner
            eot.append(g * size + stop - 1)
            start = stop
    return Suffixes(
        tokens=_tokens(sources_GS, positions_GS, device),
        mask=_mask(owner_GS, n_prefix).to(device),
        eot=torch.tensor(eot, device=device),
    )


def _tokens(sources: Tensor, positions: Tensor, device: torch.device) -> Tokens:
    flat = sources.flatten()
    (places,) = torch.nonzero(flat < 0, as_tuple=True)
    return Tokens(
        ids=sources.clamp(min=0).to(device),
        positions=positions.to(device),
        ctx_places=places.to(device),
        ctx_rows=(-1 - flat[places]).to(device),
    )


def _mask(owner_GS: Tensor, n_prefix: int) -> Tensor:
    same_GSS = (owner_GS[:, :, None] == owner_GS[:, None, :]).tril()
    # The prefix is open to unused places, too: softmax over nothing would be NaN.
    seen = torch.cat([same_GSS.new_ones(*owner_GS.shape, n_prefix), same_GSS], dim=2)
    return torch.zeros(seen.shape).masked_fill_(~seen, float('-inf'))
