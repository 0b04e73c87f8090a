"""What somebody who has the exported file alone must know: classes, and how images are prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from deft_mm.detection import FileModel
from deft_mm.detection.data_source import is_loading
from deft_mm.version import __version__

_TEXT_OF = dict(
    probs='probability of every class, (batch, classes)',
    clean_probs='of every class: the probability that it is a right label, (batch, classes)',
)
# Keys with which a transform does no more than its step says.
_PLAIN = {
    'Resize': {'scale', 'backend', 'interpolation'},
    'ResizeEdge': {'scale', 'edge', 'backend', 'interpolation'},
    'CenterCrop': {'crop_size'},
    'BatchResize': {'scale'},
}


def graph_notes(
    found: FileModel, images: Tensor, outputs: Sequence[str], **more: Any
) -> dict[str, Any]:
    """Describe an exported graph, in what JSON has.

    Args:
        found (FileModel): What was exported.
        images (Tensor): Prepared images, of shape (B, 3, H, W).
        outputs (Sequence[str]): What the graph gives.
        **more: Entries of the caller's, which stand first.

    Returns:
        dict[str, Any]: 'class_names' in the order of the labels, 'input', 'outputs' and
        'preprocessing', a list of steps for one image; a transform that has no words here is the
        step 'transform' with its ``config``.
    """
    order, mean, std = _colours(found.preprocessor)
    shape = ['batch', *map(int, images.shape[1:])]
    return {
        'deft_mm': __version__,
        **more,
        'class_names': list(found.class_names),
        'input': dict(
            name='images', dtype='float32', shape=shape, channel_order=order, mean=mean, std=std
        ),
        'outputs': {name: _TEXT_OF[name] for name in outputs},
        'preprocessing': _steps(found, order, mean, std),
    }


def _colours(preprocessor: Mapping) -> tuple[str, list[float], list[float]]:
    """The order in which the network sees colours, mean and deviation in that order."""
    mean, std = preprocessor.get('mean'), preprocessor.get('std')
    if mean is None or std is None:  # as ClsDataPreprocessor has it
        mean, std = [0.0] * 3, [1.0] * 3
    # Files are read as BGR.
    order = 'RGB' if preprocessor.get('to_rgb') else 'BGR'
    return order, [float(value) for value in mean], [float(value) for value in std]


def _steps(found: FileModel, order: str, mean: list[float], std: list[float]) -> list[dict]:
    transforms = [
        *found.transforms[: _packing(found.transforms)],
        *found.preprocessor.get('test_transforms', ()),
    ]
    return [
        *map(_step, transforms),
        dict(step='channels', order=order),
        dict(step='normalize', text='(value - mean) / std for each channel', mean=mean, std=std),
        *_padding(found.preprocessor),
        dict(step='layout', text='channels, rows, columns (CHW), float32'),
    ]


def _padding(preprocessor: Mapping) -> list[dict]:
    divisor = preprocessor.get('pad_size_divisor', 1)
    if divisor <= 1:
        return []
    text = 'at the right and at the bottom, up to a multiple of the divisor'
    return [dict(step='pad', divisor=divisor, value=preprocessor.get('pad_value', 0), text=text)]


def _packing(transforms: Sequence[Mapping]) -> int:
    """Where PackInputs stands, behind which nothing changes the image."""
    names = [_name(transform) for transform in transforms]
    return names.index('PackInputs') if 'PackInputs' in names else len(names)


def _name(transform: Mapping) -> str:
    return str(transform.get('type')).rpartition('.')[2]


def _step(transform: Mapping) -> dict[str, Any]:
    name, options = _name(transform), {k: v for k, v in transform.items() if k != 'type'}
    if is_loading(transform):
        text = 'values of 8 bits; grey becomes colour, transparent white; turned as EXIF says'
        return dict(step='decode', channels=3, text=text)
    if not options.keys() <= _PLAIN.get(name, set()):
        return dict(step='transform', config=dict(transform))
    how = dict(
        interpolation=options.get('interpolation', 'bilinear'),
        library='pillow' if name == 'BatchResize' else options.get('backend', 'cv2'),
    )
    if name in ('Resize', 'BatchResize'):
        return dict(step='resize', **_size(options['scale']), **how)
    if name == 'ResizeEdge':
        return dict(
            step='resize_edge',
            edge=options.get('edge', 'short'),
            length=options['scale'],
            text='the other edge keeps the ratio, rounded down',
            **how,
        )
    if name == 'CenterCrop':
        text = 'from row and column round((size - crop) / 2), halves to even; at least 0'
        return dict(step='center_crop', **_size(options['crop_size']), text=text)
    return dict(step='transform', config=dict(transform))


def _size(value: int | Sequence[int]) -> dict[str, int]:
    """MMPretrain's sizes are (width, height)."""
    width, height = (value, value) if isinstance(value, int) else value
    return dict(width=int(width), height=int(height))
