"""Features of a frozen image tower that are computed once, for the pass that scores samples.

Shapes: N samples, n of them, B of a batch, D width of a feature before CLIP's projection, E behind
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce, get_rank, get_world_size
from torch import Tensor, nn

from deft_mm.datasets.image_ids import image_ids
from deft_mm.engine.feature_store import FeatureStore
from deft_mm.fileio import write_atomically
from deft_mm.main_process import on_main_process
from deft_mm.models.backbones import CLIPBackbone
from deft_mm.selection.fingerprint import digest

DTYPES = ('float16', 'float32')
# Of features that were kept otherwise than now.
_VERSION = 1
_ABOUT = 'about.json'


@dataclass(frozen=True)
class FeatureFolder:
    """Where the features of frozen image towers are kept, and how.

    Every tower, with what images go through on their way to it, has a folder of its own there. An
    image is found by its content: features stay whatever becomes of labels, class names, order and
    place of the files, and those of images that are new or changed are computed.

    Args:
        path (Path): The folder.
        dtype (str): 'float16' or 'float32'. In 'float16' a component is off by up to 0.05%, in half
            the room: 128 MB for 50,000 images of a ViT-B/16. Defaults to 'float16'.

    Raises:
        ValueError: If ``dtype`` is another one.
    """

    path: Path
    dtype: str = 'float16'

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(
                f'The type of kept features is {self.dtype!r}: set one of {", ".join(DTYPES)}.'
            )

    def open(
        self,
        model: nn.Module,
        dataset: Any,
        pipeline: Sequence[Mapping | Callable],
        asked_N: np.ndarray,
    ) -> KeptFeatures | None:
        """Find the features of a data set, all processes together.

        Args:
            model (nn.Module): An ``ImageClassifier``, in evaluation mode.
            dataset: The data set, of N samples.
            pipeline (Sequence[Mapping | Callable]): Evaluation transforms.
            asked_N (np.ndarray): (N,) bool, the samples that are scored.

        Returns:
            KeptFeatures, optional: None where nothing can be kept: the tower is trained or no CLIP,
            gives no projected features, or a transform is built already, so that nothing can be
            said of it.
        """
        key = on_main_process(lambda: _key(model, pipeline, self.dtype))
        if key is None:
            return None
        folder = Path(self.path) / digest(key.encode())
        backbone = model.backbone
        store = FeatureStore(folder, (backbone.width, backbone.embed_dim), self.dtype)
        ids_N, indices = np.zeros(len(asked_N), dtype=np.uint64), np.flatnonzero(asked_N)
        own = indices[get_rank() :: get_world_size()]
        ids_N[own] = image_ids(dataset, own)
        # Each is another process's, and 0 in all others.
        all_reduce(torch.from_numpy(ids_N.view(np.int64)))
        # Those that the main process sees, where machines don't share their disks.
        place_N = np.full(len(asked_N), -1)
        place_N[indices] = on_main_process(lambda: store.find(ids_N[indices]))
        on_main_process(lambda: write_atomically(key.encode(), folder / _ABOUT))
        return KeptFeatures(store, ids_N, place_N, getattr(torch, self.dtype))


class KeptFeatures:
    """The features of one data set, of which some are there already.

    Made by :meth:`FeatureFolder.open`. As a context it writes what is left when it ends.

    Attributes:
        has_N (np.ndarray): (N,) bool, the samples that have features.

    Args:
        store (FeatureStore): Where they are.
        ids_N (np.ndarray): (N,) uint64, the samples' images.
        place_N (np.ndarray): (N,) int64, where in the store they are, -1 for those that aren't.
        dtype (torch.dtype): The store's type.
    """

    def __init__(
        self, store: FeatureStore, ids_N: np.ndarray, place_N: np.ndarray, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        self.has_N = place_N >= 0
        self._store, self._ids_N, self._place_N = store, ids_N, place_N

    def __str__(self) -> str:
        found, asked = np.count_nonzero(self.has_N), np.count_nonzero(self._ids_N)
        return f'{found} of {asked} images have features in {self._store.folder}.'

    def __enter__(self) -> KeptFeatures:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.flush()

    def find_here(self) -> None:
        """Look for them from this process, on a disk that all of them share."""
        self._place_N = self._store.find(self._ids_N)
        self.has_N = self._place_N >= 0

    def projected(self, idx: int) -> np.ndarray:
        """Read the feature behind the projection.

        Args:
            idx (int): Index of a sample that :attr:`has_N`.

        Returns:
            np.ndarray: float32 of shape (E,).
        """
        return self._store.read(self._place_N[[idx]])[1][0].astype(np.float32)

    def batches(
        self, batch_size: int, device: torch.device
    ) -> Iterator[tuple[list[int], tuple[Tensor, Tensor]]]:
        """Read the features that are there; the main process does, the others get none.

        Args:
            batch_size (int): Samples at a time.
            device (torch.device): Where they go.

        Yields:
            tuple[list[int], tuple[Tensor, Tensor]]: Indices of samples, and their features, float32
            of shapes (B, D) and (B, E).
        """
        if get_rank() != 0:
            return
        indices = np.flatnonzero(self.has_N)
        for start in range(0, len(indices), batch_size):
            part = indices[start : start + batch_size]
            feats = self._store.read(self._place_N[part])
            yield part.tolist(), tuple(torch.from_numpy(f).to(device).float() for f in feats)

    def add(self, index: list[int], feats: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Keep features.

        Args:
            index (list[int]): Indices of B samples.
            feats (tuple[Tensor, Tensor]): Their features, of shapes (B, D) and (B, E).

        Returns:
            tuple[Tensor, Tensor]: The same as they will be read, float32.

        Raises:
            ValueError: If a feature is too large for the type.
        """
        kept = tuple(feat.to(self.dtype) for feat in feats)
        is_finite_B = torch.stack([feat.isfinite().all(dim=1) for feat in feats]).all(dim=0)
        if not all(feat[is_finite_B].isfinite().all() for feat in kept):
            raise ValueError(
                'The features of this CLIP are too large for float16: keep them in float32 '
                '(--feature-dtype float32).'
            )
        rows = is_finite_B.cpu().numpy()
        self._store.add(
            self._ids_N[np.array(index)[rows]], [feat.cpu().numpy()[rows] for feat in kept]
        )
        return tuple(feat.float() for feat in kept)


def gives_projected(model: nn.Module) -> bool:
    """Whether a model classifies what a CLIP's tower gives behind its projection.

    Args:
        model (nn.Module): An ``ImageClassifier``.

    Returns:
        bool: Whether its backbone is a CLIP's that gives projected features, and there is no neck.
    """
    backbone = getattr(model, 'backbone', None)
    return (
        isinstance(backbone, CLIPBackbone)
        and backbone.out_type != 'token'
        and getattr(model, 'neck', None) is None
    )


def is_frozen_tower(model: nn.Module) -> bool:
    """Whether the features of a model's images stay as they are, and can be kept.

    Args:
        model (nn.Module): An ``ImageClassifier``.

    Returns:
        bool: Whether it is as :func:`gives_projected` says, and nothing of the backbone is trained.
    """
    return gives_projected(model) and not any(p.requires_grad for p in model.backbone.parameters())


def _key(model: nn.Module, pipeline: Sequence[Mapping | Callable], dtype: str) -> str | None:
    """What features depend on beside the image, as JSON; None where they can't be kept."""
    if not is_frozen_tower(model):
        return None
    backbone = model.backbone
    try:
        transforms = json.dumps([dict(transform) for transform in pipeline], default=_name)
    except (TypeError, ValueError):
        return None
    device = next(backbone.parameters()).device
    one = torch.ones(1, 1, device=device)
    key = dict(
        version=_VERSION,
        tower=type(backbone).__name__,
        tower_layers=digest(_layers(backbone).encode()),
        tower_weights=_digest_of(backbone.state_dict().items()),
        transforms=json.loads(transforms),
        data_preprocessor=_digest_of(_preprocessed(model.data_preprocessor, device)),
        precision=str((one @ one).dtype),  # under autocast, that of autocast
        dtype=dtype,
    )
    return json.dumps(key, indent=1, sort_keys=True)


def _name(value: Any) -> str:
    """A class or function in a config, by its name."""
    return f'{value.__module__}.{value.__qualname__}' if hasattr(value, '__qualname__') else value


def _layers(backbone: nn.Module) -> str:
    """What a tower is made of beside its weights, such as activations and the number of heads."""
    heads = [getattr(module, 'num_heads', None) for module in backbone.modules()]
    return f'{backbone}{heads}'


def _preprocessed(preprocessor: nn.Module, device: torch.device) -> Iterator[tuple[str, Tensor]]:
    """What a data preprocessor makes of images of two sizes: what it does is not in its weights."""
    for height, width in ((260, 300), (600, 500)):
        count = torch.arange(3 * height * width, device=device) * 7919
        image = (count % 256).to(torch.uint8).view(1, 3, height, width)
        yield f'{height}x{width}', preprocessor(dict(inputs=image), False)['inputs']


def _digest_of(tensors: Iterator[tuple[str, Tensor]]) -> str:
    parts = []
    for name, tensor in tensors:
        parts.append(f'{name} {tensor.dtype} {tuple(tensor.shape)}')
        # As bytes, since NumPy has no bfloat16.
        values = tensor.detach().cpu().reshape(-1)
        parts.append(digest(values.view(torch.uint8).numpy(), size=16))
    return digest(' '.join(parts).encode(), size=16)
