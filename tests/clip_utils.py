"""Small CLIPs for tests: random weights, built and saved in well under a second."""

import json
from pathlib import Path

import open_clip
import torch

TEXT = dict(context_length=77, vocab_size=49408, width=16, heads=2, layers=2)
VIT = dict(
    embed_dim=24,
    vision_cfg=dict(image_size=32, patch_size=8, layers=3, width=32, head_width=16),
    text_cfg=TEXT,
)
RESNET = dict(
    embed_dim=24,
    vision_cfg=dict(image_size=64, layers=[1, 2, 1, 1], width=8, head_width=64),
    text_cfg=TEXT,
)


def random_clip(model_cfg: dict) -> open_clip.CLIP:
    """open_clip's own model, whose weights are all away from their initial zeros and ones."""
    model = open_clip.CLIP(**model_cfg).eval()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point() and not name.endswith('running_var'):
                value.add_(0.05 * torch.randn_like(value))
    return model


def saved_clip(model_cfg: dict, folder: Path) -> tuple[dict, open_clip.CLIP]:
    """A ``clip`` config value whose weights lie in ``folder``, and open_clip's own model."""
    model = random_clip(model_cfg)
    path = Path(folder) / 'weights.pt'
    torch.save(model.state_dict(), path)
    return dict(model=model_cfg, pretrained=str(path)), model


def clip_folder(model_cfg: dict, folder: Path, **preprocess_cfg) -> Path:
    """A folder as open_clip has them, with a description and random weights."""
    torch.save(random_clip(model_cfg).state_dict(), Path(folder) / 'open_clip_pytorch_model.pth')
    description = dict(model_cfg=model_cfg, preprocess_cfg=preprocess_cfg)
    (Path(folder) / 'open_clip_config.json').write_text(json.dumps(description))
    return folder
