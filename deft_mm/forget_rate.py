"""How many samples of the smallest loss are kept, by a loss in a batch and by a selector of all."""

from __future__ import annotations


def forget_rate(
    noise_ratio: float, warmup_epochs: int, epoch: int, start_ratio: float = 0.0
) -> float:
    """The share that is rejected, which changes linearly over a warm-up.

    Args:
        noise_ratio (float): The share after the warm-up.
        warmup_epochs (int): Its length; 0 is none.
        epoch (int): Number of finished epochs.
        start_ratio (float): The share in the first epoch of the warm-up. Defaults to 0.

    Returns:
        float: ``start_ratio`` in the first epoch of a warm-up, which is all there is in one of one
        epoch, ``noise_ratio`` in its last one and after it.
    """
    if epoch >= warmup_epochs:
        return noise_ratio
    return start_ratio + (noise_ratio - start_ratio) * epoch / max(warmup_epochs - 1, 1)


def num_kept(num_samples: int, rate: float) -> int:
    """How many of some samples are kept where a share of them is rejected.

    Args:
        num_samples (int): How many there are.
        rate (float): The share.

    Returns:
        int: The rest, rounded down.
    """
    # A little more than the product, which falls short of 1 for 5 samples at a rate of 0.8.
    return int((1 - rate) * num_samples + 1e-6)
