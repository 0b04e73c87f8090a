"""Position embeddings at other resolutions. T tokens, D width."""

import torch
from torch.nn import functional as F


def resize_position_embedding(
    embedding_TD: torch.Tensor, grid: tuple[int, int], new_grid: tuple[int, int]
) -> torch.Tensor:
    """Interpolates a position embedding to another grid of patches.

    Bicubic with antialiasing, as open_clip does when it loads weights for another image size.

    Args:
        embedding_TD (Tensor): (1 + rows * columns, D), the class token first.
        grid (tuple[int, int]): Its rows and columns.
        new_grid (tuple[int, int]): The rows and columns wanted.

    Returns:
        Tensor: (1 + new rows * new columns, D); the input itself where nothing changes.
    """
    if tuple(grid) == tuple(new_grid):
        return embedding_TD
    class_1D, patches_PD = embedding_TD[:1], embedding_TD[1:]
    patches_1DHW = patches_PD.float().reshape(1, *grid, -1).permute(0, 3, 1, 2)
    resized_1DHW = F.interpolate(
        patches_1DHW, size=tuple(new_grid), mode='bicubic', antialias=True, align_corners=False
    )
    resized_PD = resized_1DHW.flatten(2)[0].T
    return torch.cat([class_1D, resized_PD.to(class_1D.dtype)])
