"""Tiny-ImageNet: 200 classes of ImageNet in 64x64 pixels."""

from __future__ import annotations

from mmengine.fileio import list_dir_or_file, list_from_file
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import require_files
from deft_mm.datasets.split_dataset import SplitDataset

# In the order of the sorted WordNet ids.
_NAMES = """
goldfish, European fire salamander, bullfrog, tailed frog, American alligator, boa constrictor,
trilobite, scorpion, black widow, tarantula, centipede, goose, koala, jellyfish, brain coral,
snail, slug, sea slug, American lobster, spiny lobster, black stork, king penguin, albatross,
dugong, Chihuahua, Yorkshire terrier, golden retriever, Labrador retriever, German shepherd,
standard poodle, tabby, Persian cat, Egyptian cat, cougar, lion, brown bear, ladybug, fly, bee,
grasshopper, walking stick, cockroach, mantis, dragonfly, monarch, sulphur butterfly, sea
cucumber, guinea pig, hog, ox, bison, bighorn, gazelle, Arabian camel, orangutan, chimpanzee,
baboon, African elephant, lesser panda, abacus, academic gown, altar, apron, backpack,
bannister, barbershop, barn, barrel, basketball, bathtub, beach wagon, beacon, beaker, beer
bottle, bikini, binoculars, birdhouse, bow tie, brass, broom, bucket, bullet train, butcher
shop, candle, cannon, cardigan, cash machine, CD player, chain, chest, Christmas stocking, cliff
dwelling, computer keyboard, confectionery, convertible, crane, dam, desk, dining table,
drumstick, dumbbell, flagpole, fountain, freight car, frying pan, fur coat, gasmask, go-kart,
gondola, hourglass, iPod, jinrikisha, kimono, lampshade, lawn mower, lifeboat, limousine,
magnetic compass, maypole, military uniform, miniskirt, moving van, nail, neck brace, obelisk,
oboe, organ, parking meter, pay-phone, picket fence, pill bottle, plunger, pole, police van,
poncho, pop bottle, potter's wheel, projectile, punching bag, reel, refrigerator, remote
control, rocking chair, rugby ball, sandal, school bus, scoreboard, sewing machine, snorkel,
sock, sombrero, space heater, spider web, sports car, steel arch bridge, stopwatch, sunglasses,
suspension bridge, swimming trunks, syringe, teapot, teddy, thatch, torch, tractor, triumphal
arch, trolleybus, turnstile, umbrella, vestment, viaduct, volleyball, water jug, water tower,
wok, wooden spoon, comic book, plate, guacamole, ice cream, ice lolly, pretzel, mashed potato,
cauliflower, bell pepper, mushroom, orange, lemon, banana, pomegranate, meat loaf, pizza,
potpie, espresso, alp, cliff, coral reef, lakeside, seashore, acorn
"""
CLASS_NAMES = tuple(' '.join(name.split()) for name in _NAMES.split(','))


@DATASETS.register_module()
class TinyImageNet(SplitDataset):
    """Tiny-ImageNet (Stanford, course CS231n): 100,000 training and 10,000 validation images.

    A label is the place of the WordNet id (wnid) in the sorted list, as if the folders were read
    in alphabetical order, as in the paper; ``wnids.txt`` is not sorted. The class names are those
    of the paper's prompts: the first synonym that ``words.txt`` has for the wnid. The labels of the
    test images were never published, so that the validation part is what one tests on.

    The data are at http://cs231n.stanford.edu/tiny-imagenet-200.zip (250 MB)::

        unzip tiny-imagenet-200.zip -d data && mv data/tiny-imagenet-200 data/tinyimagenet

    Layout of ``data_root``::

        data/tinyimagenet
        ├── wnids.txt                        (n02124075)
        ├── train
        │   ├── n01443537
        │   │   └── images
        │   │       ├── n01443537_0.JPEG
        │   │       └── ...
        │   └── ...
        └── val
            ├── images
            │   ├── val_0.JPEG
            │   └── ...
            └── val_annotations.txt          (val_0.JPEG n03444034 0 32 44 62)

    Training samples are in the order of their labels, then of their file names (so that ``_10``
    comes before ``_2``); validation samples in the order of ``val_annotations.txt``. The paper's
    reference code takes them in the order in which the file system lists them, so that noise of the
    same seed falls on other samples there.

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'val'. Defaults to 'train'.
        **kwargs: ``metainfo`` and others of :class:`~deft_mm.datasets.split_dataset.SplitDataset`.

    Raises:
        FileNotFoundError: If a list or a folder is missing.
        ValueError: If ``split`` is unknown, or the lists are not those of Tiny-ImageNet.

    Example:

        .. code:: python

            dataset = dict(type='TinyImageNet', data_root='data/tinyimagenet', split='val')
    """

    METAINFO = {'classes': CLASS_NAMES}
    SPLITS = ('train', 'val')
    SPLIT_HINT = "The labels of 'test' were never published."

    def read_samples(self) -> list[tuple[str, int]]:
        """Read lists and folders; no image file is opened."""
        path = self.file('wnids.txt')
        wnids = sorted({line.strip() for line in list_from_file(path)} - {''})
        if len(wnids) != len(CLASS_NAMES):
            raise ValueError(
                f'TinyImageNet: {path} must have {len(CLASS_NAMES)} ids, and has {len(wnids)}. '
                'Get it anew: class names go by the place of the id.'
            )
        return self._read_train(wnids) if self.split == 'train' else self._read_val(wnids)

    def _read_train(self, wnids: list[str]) -> list[tuple[str, int]]:
        folders = [f'{self.data_root}/train/{wnid}/images' for wnid in wnids]
        require_files(self, *folders)
        return [
            (f'{folder}/{name}', label)
            for label, folder in enumerate(folders)
            for name in sorted(list_dir_or_file(folder, list_dir=False, suffix='.JPEG'))
        ]

    def _read_val(self, wnids: list[str]) -> list[tuple[str, int]]:
        path, folder = self.file('val/val_annotations.txt'), self.file('val/images')
        label_of = {wnid: label for label, wnid in enumerate(wnids)}
        samples = []
        for number, line in enumerate(list_from_file(path), start=1):
            fields = line.split('\t')
            if not line.strip():
                continue
            if len(fields) < 2 or fields[1] not in label_of:
                raise ValueError(
                    f'{path}, line {number}: expected an image name and an id of wnids.txt, '
                    f'separated by a tab, found {line!r}.'
                )
            samples.append((f'{folder}/{fields[0]}', label_of[fields[1]]))
        return samples
