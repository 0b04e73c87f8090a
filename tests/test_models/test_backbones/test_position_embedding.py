"""Interpolating position embeddings."""

import torch

from deft_mm.models.backbones.position_embedding import resize_position_embedding


def test_same_grid_returns_the_embedding_itself():
    embedding = torch.randn(1 + 6, 4)
    assert resize_position_embedding(embedding, (2, 3), (2, 3)) is embedding


def test_class_token_is_kept_and_constant_patches_stay_constant():
    embedding = torch.cat([torch.full((1, 4), 9.0), torch.full((12, 4), 2.0)])
    resized = resize_position_embedding(embedding, (3, 4), (5, 2))
    assert resized.shape == (1 + 10, 4)
    torch.testing.assert_close(resized[0], embedding[0])
    torch.testing.assert_close(resized[1:], torch.full((10, 4), 2.0))


def test_rows_and_columns_are_not_confused():
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing='ij')
    embedding = torch.cat([torch.zeros(1, 2), torch.stack([rows, columns], dim=-1).flatten(0, 1)])
    resized = resize_position_embedding(embedding, (4, 4), (4, 8))[1:].reshape(4, 8, 2)
    # Along the unchanged side nothing moves; along the other one values rise.
    torch.testing.assert_close(resized[..., 0], torch.arange(4.0)[:, None].expand(4, 8))
    assert (resized[:, 1:, 1] > resized[:, :-1, 1]).all()


def test_gradient_reaches_the_embedding():
    embedding = torch.randn(1 + 4, 3, requires_grad=True)
    resize_position_embedding(embedding, (2, 2), (3, 3)).sum().backward()
    assert (embedding.grad != 0).all()
