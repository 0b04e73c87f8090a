"""WebVision 1.0: file lists with labels; ILSVRC12's validation images in a folder per class."""

from __future__ import annotations

from pathlib import Path

from timm.data import ImageNetInfo

from miniatures.jpeg_files import write_jpegs

INFO = ImageNetInfo()
WNIDS = INFO.label_names()
TRAIN_LABELS = (0, 0, 50, 3, 49, 999, 3, 0, 21, 21, 49)  # 9 of the first 50 classes
VAL_LABELS = (49, 700, 0, 21, 3, 50)
ILSVRC12_LABELS = (0, 0, 3, 21, 49, 50, 999)


def make(root: Path) -> None:
    """Write 9 training images of the first 50 classes, 4 and 5 for validation, and some others."""
    train = [(f'google/q{1 + i:04d}/a{i}_B.jpg', label) for i, label in enumerate(TRAIN_LABELS)]
    val = [(f'val{i + 1:06d}.jpg', label) for i, label in enumerate(VAL_LABELS)]
    (root / 'info').mkdir(parents=True)
    for name, samples in (('train_filelist_google', train), ('val_filelist', val)):
        lines = [f'{path} {label}\n' for path, label in samples]
        (root / f'info/{name}.txt').write_text(''.join(lines))
    synsets = [f'{wnid} {INFO.index_to_description(i)}\n' for i, wnid in enumerate(WNIDS)]
    (root / 'info/synsets.txt').write_text(''.join(synsets))
    for wnid in WNIDS:
        (root / 'imagenet/val' / wnid).mkdir(parents=True)
    others = [
        f'imagenet/val/{WNIDS[label]}/ILSVRC2012_val_{i:08d}.JPEG'
        for i, label in enumerate(ILSVRC12_LABELS)
    ]
    write_jpegs(root, [path for path, _ in train])
    write_jpegs(root, [f'val_images_256/{path}' for path, _ in val])
    write_jpegs(root, others)
