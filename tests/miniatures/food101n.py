"""Food-101N and Food-101, each in the folder of its archive."""

from __future__ import annotations

from pathlib import Path

from mmpretrain.datasets.categories import FOOD101_CATEGORIES

from miniatures.jpeg_files import write_jpegs


def make(root: Path) -> None:
    """Write 9 training and 4 test images of 3 classes."""
    classes = '\n'.join(sorted(FOOD101_CATEGORIES))
    names = ('waffles', 'cheese_plate', 'apple_pie')
    train = [f'{name}/{i}f9e{ord(name[0])}.jpg' for name in names for i in range(3)]
    test = ['apple_pie/1011328', 'waffles/942', 'cheese_plate/3', 'cheese_plate/1']
    noisy, clean = root / 'Food-101N_release', root / 'food-101'
    write_jpegs(noisy / 'images', train)
    write_jpegs(clean / 'images', [f'{key}.jpg' for key in test])
    for folder, header in ((noisy, 'class_name\n'), (clean, '')):
        (folder / 'meta').mkdir()
        (folder / 'meta/classes.txt').write_text(f'{header}{classes}\n')
    (noisy / 'meta/imagelist.tsv').write_text('class_name/key\n' + '\n'.join(train) + '\n')
    verified = [f'{key}\t{i % 2}' for i, key in enumerate(train[:4])]
    header = 'class_name/key\tverification_label\n'
    (noisy / 'meta/verified_train.tsv').write_text(header + '\n'.join(verified) + '\n')
    (clean / 'meta/test.txt').write_text('\n'.join(test) + '\n')
