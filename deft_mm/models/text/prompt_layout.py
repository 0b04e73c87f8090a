"""Where in a prompt the context, the class name, the full stop and the end token stand.

Shapes: C classes, N context vectors, T tokens of the longest prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

# For each class-name position: how many of n context vectors stand before the name.
CLASS_POSITIONS = {
    'end': lambda n_ctx: n_ctx,
    'middle': lambda n_ctx: n_ctx // 2,
    'front': lambda n_ctx: 0,
}


def ctx_before_name(class_position: str, n_ctx: int) -> int:
    """How many of the context vectors stand before the class name.

    Raises:
        ValueError: If the position is none of 'end', 'middle' and 'front'.
    """
    if class_position not in CLASS_POSITIONS:
        raise ValueError(
            f'class_position is {class_position!r}: set one of '
            f'{", ".join(sorted(CLASS_POSITIONS))}.'
        )
    return CLASS_POSITIONS[class_position](n_ctx)


@dataclass(frozen=True)
class PromptLayout:
    """Token ids and places of the prompts of all classes, truncated to the longest.

    - ``end``: SOT, context, name, '.', EOT.
    - ``front``: SOT, name, context, '.', EOT.
    - ``middle``: SOT, half of the context, name, the other half, '.', EOT.

    Where the full stop is part of the name's last token (``').'``), that token stays with the name
    and no separate one follows.

    Args:
        token_ids (Tensor): int64 of shape (C, T); 0 where a context vector stands and after the end
            token. What stands after the end token has no effect, because attention is causal.
        ctx_columns (Tensor): int64 of shape (C, N): the column of each context vector.
        eot (Tensor): int64 of shape (C,): the column of the end token.
    """

    token_ids: Tensor
    ctx_columns: Tensor
    eot: Tensor

    @classmethod
    def build(
        cls,
        class_tokens: Sequence[Sequence[int]],
        n_ctx: int,
        class_position: str,
        tokenizer,
        device: torch.device | str = 'cpu',
    ) -> PromptLayout:
        """Lay out one prompt a class.

        Args:
            class_tokens (Sequence[Sequence[int]]): Token ids of ``'<name>.'`` for each class.
            n_ctx (int): Number of context vectors.
            class_position (str): 'end', 'middle' or 'front'.
            tokenizer: A BPE tokenizer with ``encode``, ``sot_token_id`` and ``eot_token_id``.
            device (torch.device | str): Where the tables are put. Defaults to 'cpu'.
        """
        before = ctx_before_name(class_position, n_ctx)
        (full_stop,) = tokenizer.encode('.')
        ids_CT, columns_CN, eot_C = [], [], []
        for tokens in class_tokens:
            # The name ends before the full stop, unless the two became one token.
            n_name = len(tokens) - 1 if tokens[-1] == full_stop else len(tokens)
            # 'end' keeps name and full stop together: cutting after the name is the same there.
            ids = [tokenizer.sot_token_id] + [0] * before + list(tokens[:n_name])
            columns = list(range(1, 1 + before))
            columns += range(len(ids), len(ids) + n_ctx - before)
            ids += [0] * (n_ctx - before) + list(tokens[n_name:])
            eot_C.append(len(ids))
            ids_CT.append(ids + [tokenizer.eot_token_id])
            columns_CN.append(columns)
        longest = max(eot_C) + 1
        ids_CT = [ids + [0] * (longest - len(ids)) for ids in ids_CT]
        # Reshaped, because without a context the list has no second dimension to tell.
        columns_CN = torch.tensor(columns_CN, dtype=torch.int64, device=device)
        return cls(
            token_ids=torch.tensor(ids_CT, dtype=torch.int64, device=device),
            ctx_columns=columns_CN.reshape(len(eot_C), n_ctx),
            eot=torch.tensor(eot_C, dtype=torch.int64, device=device),
        )
