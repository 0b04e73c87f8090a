"""The low-rank update equals one of the projection weights."""

import pytest
import torch

from clip_utils import VIT
from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.models.peft import LoRA


@pytest.mark.parametrize(
    ('options', 'scale'), [(dict(), 1 / 4), (dict(targets=('q', 'k', 'v'), alpha=8), 2.0)]
)
def test_update_equals_changed_weights(options, scale):
    torch.manual_seed(0)
    plain = CLIPVisionTransformer(dict(model=VIT))
    torch.manual_seed(0)
    tuned = CLIPVisionTransformer(dict(model=VIT), peft=dict(type='LoRA', rank=4, **options))
    with torch.no_grad():
        for i, updates in tuned.peft['lora'].blocks.items():
            weight = plain.transformer.resblocks[int(i)].attn.in_proj_weight
            for row, name in enumerate('qkv'):
                if name in updates:
                    updates[name].B.normal_()
                    change = scale * (updates[name].A @ updates[name].B).T
                    weight[row * 32 : (row + 1) * 32] += change
    images = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(tuned(images)[0], plain(images)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('targets', [(), ('o',), ('q', 'q')])
def test_unknown_targets_are_refused(targets):
    with pytest.raises(ValueError, match=r'LoRA\.targets'):
        LoRA(rank=2, targets=targets)


def test_rank_must_be_positive():
    with pytest.raises(ValueError, match=r'LoRA\.rank'):
        LoRA(rank=0)
