"""How exactly a GPU computes in float32."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.device import get_device


def set_float32_precision(env_cfg: Mapping | None) -> str | None:
    """Let products of float32 use TF32 on a GPU that has it, in this process.

    TF32 rounds the factors of matrix products and convolutions to 10 bits of mantissa, as many as
    float16 has, and adds in float32. Elsewhere nothing changes: the CPU computes as ever.

    Args:
        env_cfg (Mapping, optional): The config's ``env_cfg``, of which ``tf32`` (bool) is read.
            Defaults to True where it is missing.

    Returns:
        str | None: What holds now, for the log. None without a GPU.

    Raises:
        TypeError: If ``tf32`` is not a bool.
    """
    tf32 = (env_cfg or {}).get('tf32', True)
    if not isinstance(tf32, bool):
        raise TypeError(f'env_cfg.tf32={tf32!r}: it is True or False.')
    if get_device() != 'cuda':
        return None
    torch.set_float32_matmul_precision('high' if tf32 else 'highest')
    torch.backends.cudnn.allow_tf32 = tf32
    if not tf32:
        return 'float32 on the GPU is full float32 (env_cfg.tf32=False)'
    return 'float32 on the GPU uses TF32 where it has that (env_cfg.tf32=False: full float32)'
