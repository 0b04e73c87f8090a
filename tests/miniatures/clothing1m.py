"""Clothing1M: lists of image keys and of labels, images in folders of two levels."""

from __future__ import annotations

from pathlib import Path

from miniatures.jpeg_files import write_jpegs

# fmt: off
NAMES = [
    'T-Shirt', 'Shirt', 'Knitwear', 'Chiffon', 'Sweater', 'Hoodie', 'Windbreaker', 'Jacket',
    'Downcoat', 'Suit', 'Shawl', 'Dress', 'Vest', 'Underwear',
]
# fmt: on


def make(root: Path) -> None:
    """Write 20 noisy training images of 4 classes, and 4 to 6 clean ones a part."""
    noisy = {_key(i): label for i, label in enumerate([5] * 8 + [0] * 6 + [13] * 4 + [2] * 2)}
    clean = {
        'train': {_key(100 + i): i % 3 for i in range(6)},
        'val': {_key(200 + i): 13 - i for i in range(4)},
        'test': {_key(300 + i): i for i in range(5)},
    }
    # Some checked images have a noisy label, too; their keys are in no noisy list.
    both = {_key(101): 1, _key(102): 7, _key(105): 2, _key(200): 3, _key(301): 1}
    all_clean = {key: label for part in clean.values() for key, label in part.items()}
    write_jpegs(root, [*noisy, *all_clean])
    _write(root / 'noisy_train_key_list.txt', noisy)
    for part, labels in clean.items():
        _write(root / f'clean_{part}_key_list.txt', labels)
    for kind, labels in (('noisy', {**both, **noisy}), ('clean', all_clean)):
        _write(root / f'{kind}_label_kv.txt', [f'{key} {labels[key]}' for key in labels])
    _write(root / 'category_names_eng.txt', NAMES)


def _key(number: int) -> str:
    return f'images/{number % 10}/{number % 3:02d}/{1007463 + number},{2019738 + number}.jpg'


def _write(path: Path, lines) -> None:
    path.write_text(''.join(f'{line}\n' for line in lines))
