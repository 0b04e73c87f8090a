"""Cleaning a folder of images against a bare loop over CLIP's ``encode_image``.

python benchmarks/clean.py                    # ViT-B/16, 64 images in files, batch 64
python benchmarks/clean.py --images 1000 --devices cuda
python benchmarks/clean.py --small            # a small model; only checks agreement

Ours is all that ``tools/clean.py`` does, from listing and checking the files to the written
selection, but for the detector, which is none here (label-match); audits are timed apart. The bare
loop is open_clip's: its model, its transforms, the same batches, and nothing after the features.
Both load the model. Weights are random, images made up, as PNG files.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import open_clip
import torch
from comparison import (
    Peaks,
    check_agreement,
    describe,
    parse_args,
    peak_memory,
    seconds,
    time_in_turn,
)
from detector import SMALL, class_names
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from deft_mm.selection import read_selection

TOOLS = Path(__file__).resolve().parents[1] / 'tools'
sys.path.append(str(TOOLS))  # as for a script
TOOL = runpy.run_path(str(TOOLS / 'clean.py'))
TOLERANCE = 1e-3


class Files(Dataset):
    """Image files as open_clip reads them.

    Args:
        paths (Sequence[str]): The files.
        transform (Callable): open_clip's.
    """

    def __init__(self, paths: Sequence[str], transform) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, idx: int) -> Tensor:
        return self.transform(Image.open(self.paths[idx]).convert('RGB'))


class Cleaning:
    """A folder of images and a CLIP, written to a folder.

    Args:
        root (Path): An empty folder.
        n_images (int): Number of images, a hundredth of them in each class, ten at least.
        batch (int): Images at once.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
    """

    def __init__(self, root: Path, n_images: int, batch: int, small: bool, device: str) -> None:
        self.root, self.batch, self.device = root, batch, device
        cfg = dict(SMALL['model']) if small else open_clip.get_model_config('ViT-B-16')
        self.size, self.names = cfg['vision_cfg']['image_size'], class_names(10)
        self.clip = root / 'clip'
        self.clip.mkdir()
        preprocess = dict(mean=open_clip.OPENAI_DATASET_MEAN, std=open_clip.OPENAI_DATASET_STD)
        text = json.dumps(dict(model_cfg=cfg, preprocess_cfg=preprocess))
        (self.clip / 'open_clip_config.json').write_text(text)
        torch.manual_seed(0)
        weights = open_clip.CLIP(**cfg).state_dict()
        torch.save(weights, self.clip / 'open_clip_pytorch_model.bin')
        draw = np.random.RandomState(0)
        for i in range(n_images):
            folder = root / 'images' / self.names[i % 10]
            folder.mkdir(parents=True, exist_ok=True)
            pixels = draw.randint(0, 256, (self.size, self.size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f'{i:05d}.png')
        self.runs = 0

    def ours(self, *options: str) -> dict[str, Tensor]:
        """Clean into a new folder; nothing is left of runs before."""
        self.runs += 1
        out = self.root / f'out{self.runs}'
        arguments = [self.root / 'images', '--clip', f'local-dir:{self.clip}', '--out', out]
        arguments += ['--batch-size', self.batch, '--num-workers', 0, '--device', self.device]
        options = options or ('--detector', 'label_match')
        with contextlib.redirect_stdout(io.StringIO()):
            TOOL['main'](TOOL['parse_args']([*map(str, arguments), *options]))
        self.table = read_selection(out / 'selection.csv')
        return dict(pred_prob=torch.from_numpy(self.table.pred_prob))

    @torch.no_grad()
    def bare(self) -> tuple[nn.Module, Tensor]:
        """open_clip's model, and the features of all images (N, E)."""
        name = f'local-dir:{self.clip}'
        model, _, transform = open_clip.create_model_and_transforms(name, device=self.device)
        loader = DataLoader(Files(self.table.img_path, transform), self.batch)
        model.eval()
        return model, torch.cat([model.encode_image(x.to(self.device)) for x in loader])

    @torch.no_grad()
    def plain(self) -> dict[str, Tensor]:
        """The zero-shot probabilities that follow of these features."""
        model, feats_NE = self.bare()
        prompts = [f'a photo of a {name.replace("_", " ")}.' for name in self.names]
        # Classes of a folder are in the order of the alphabet.
        tokens = open_clip.get_tokenizer('ViT-B-16')(sorted(prompts)).to(self.device)
        text_CE = model.encode_text(tokens, normalize=True)
        feats_NE = nn.functional.normalize(feats_NE, dim=-1)
        logits_NC = model.logit_scale.exp() * feats_NE @ text_CE.T
        return dict(pred_prob=logits_NC.softmax(dim=-1).amax(dim=-1).cpu())


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(__doc__.splitlines()[0], argv, repeats=3, images=64, batch=64)
    for device in args.devices:
        print(describe(device))
        sizes = (20, 8) if args.small else (args.images, args.batch)
        with tempfile.TemporaryDirectory() as root:
            run = Cleaning(Path(root), *sizes, args.small, device)
            what = f'cleaning, {sizes[0]} images, batch {sizes[1]}, {device}'
            check_agreement(what, run.ours(), run.plain(), TOLERANCE)
            if args.small:
                continue
            times = time_in_turn(run.bare, run.ours, args.repeats, device, warmup=0)
            shares = [1 / ratio for ratio in times.ratios]
            peaks = Peaks(peak_memory(run.bare, device), peak_memory(run.ours, device))
            thousand = [1000 / sizes[0] * median(part) for part in (times.plain, times.ours)]
            print(
                f'{what}: time {median(shares):.2f}x the bare loop ({min(shares):.2f}x to '
                f'{max(shares):.2f}x of {len(shares)}), per 1,000 images {thousand[1]:.0f} s over '
                f'{thousand[0]:.0f} s; peak memory {peaks.ours / 2**30:.2f} GiB over '
                f'{peaks.plain / 2**30:.2f} GiB',
                flush=True,
            )
            if sizes[0] >= 250:
                spent = seconds(lambda run=run: run.ours('--detector', 'audit'), device)
                print(f'{what}: with the audit {spent:.1f} s', flush=True)


if __name__ == '__main__':
    main()
