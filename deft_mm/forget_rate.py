"""How many samples of the smallest loss are kept, by a loss in a batch and by a selector of all."""

from __future__ import annotations


def forget_rate(noise_ratio: float, warmup_epochs: int, epoch: int) -> float:
    """The share that is rejected, which rises linearly from 0 over a warm-up.

    Args:
        noise_ratio (float): The share after the warm-up.
        warmup_epochs (int): Its length; 0 is none.
        epoch (int): Number of finished epochs.

    Returns:
        float: 0 in the first epoch of a warm-up, ``noise_ratio`` in its last one and after it; a
        warm-up of one epoch rejects nothing in it.
    """
    if epoch >= warmup_epochs:
        return noise_ratio
    return noise_ratio * epoch / max(warmup_epochs - 1, 1)


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
