"""Where the bottlenecks read and write."""

import pytest
import torch

from clip_utils import VIT
from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.models.peft import Adapter


def _method(**cfg):
    """The method of a backbone, with no parameter left at its initial zero."""
    backbone = CLIPVisionTransformer(dict(model=VIT), peft=cfg)
    method = next(iter(backbone.peft.values()))
    with torch.no_grad():
        for parameter in method.parameters():
            parameter.normal_()
    return method


OUT, X = torch.randn(2, 5, 32), torch.randn(2, 5, 32)


def test_add_keeps_the_mlps_output_and_replace_does_not():
    added, replacing = (
        _method(type='Adapter', dim=4),
        _method(type='Adapter', dim=4, mode='replace'),
    )
    replacing.load_state_dict(added.state_dict())
    torch.testing.assert_close(added.on_mlp_out(OUT, X, 0), OUT + replacing.on_mlp_out(OUT, X, 0))


def test_bottleneck_is_norm_down_relu_up():
    method = _method(type='Adapter', dim=4, mode='replace')
    part = method.blocks['1']
    normed = torch.nn.functional.layer_norm(OUT, (32,), part.ln.weight, part.ln.bias)
    hidden = (normed @ part.down_proj.weight.T + part.down_proj.bias).clamp(min=0)
    expected = hidden @ part.up_proj.weight.T + part.up_proj.bias
    torch.testing.assert_close(method.on_mlp_out(OUT, X, 1), expected)


def test_replacing_adapter_starts_with_the_mlp_branch_at_zero():
    backbone = CLIPVisionTransformer(
        dict(model=VIT), peft=dict(type='Adapter', dim=4, mode='replace')
    )
    assert not backbone.peft['adapter'].on_mlp_out(OUT, X, 0).any()


@pytest.mark.parametrize('parallel', [False, True])
def test_adapt_former_scales_and_reads_what_it_says(parallel):
    method = _method(type='AdaptFormer', dim=4, parallel=parallel)
    part = method.blocks['0']
    change = method.on_mlp_out(OUT, X, 0) - OUT
    torch.testing.assert_close(change, part(X if parallel else OUT), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        part.scale.mul_(3)
    torch.testing.assert_close(method.on_mlp_out(OUT, X, 0) - OUT, 3 * change, rtol=1e-4, atol=1e-4)


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match=r"Adapter\.mode='sum'"):
        Adapter(dim=4, mode='sum')
