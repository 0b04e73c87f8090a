"""Graphs for other runtimes: written in memory, loaded again, and compared with the model.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from deft_mm.deployment.probability_model import ProbabilityModel, predict_batch

# How much any probability of an exported file may differ from PyTorch's.
TOLERANCE = 1e-4
INPUT = 'images'
# The name of the notes in a TorchScript file and in an exported program.
NOTES = 'notes.json'


@dataclass(frozen=True)
class GraphFormat:
    """A format.

    Args:
        write (Callable): Takes a model, example images (B, 3, H, W) and notes; returns the file.
        load (Callable): Takes the file; returns a function of images that gives all outputs.
    """

    write: Callable[[ProbabilityModel, Tensor, Mapping], bytes]
    load: Callable[[bytes], Callable[[Tensor], list[np.ndarray]]]


def checked_graph(
    to: str, model: nn.Module, images: Tensor, with_clean_probs: bool, notes: Mapping
) -> tuple[bytes, float]:
    """Export a classifier, load the file again and compare it with the classifier.

    It is asked for all images, and for the first one alone: the batch may be of any size.

    Args:
        to (str): One of ``FORMATS``.
        model (nn.Module): The classifier, in evaluation mode, on the CPU.
        images (Tensor): Real images, prepared, float32 of shape (B, 3, H, W).
        with_clean_probs (bool): See :class:`~deft_mm.deployment.ProbabilityModel`.
        notes (Mapping): What the file is to say of itself, see
            :func:`~deft_mm.deployment.graph_notes`.

    Returns:
        tuple[bytes, float]: The file, and the largest difference of any probability.

    Raises:
        ValueError: If the model can't be exported, or the file says something else than the model.
    """
    graph = ProbabilityModel(model, with_clean_probs)
    # An exported program holds the images that it was made with: none of a user's. Of one image,
    # PyTorch would take the size of the batch for fixed.
    example = torch.zeros(2, *images.shape[1:])
    try:
        with torch.no_grad(), warnings.catch_warnings():
            # Of shapes that are fixed on purpose, and of what becomes of a format.
            warnings.simplefilter('ignore')
            content = FORMATS[to].write(graph, example, notes)
            run = FORMATS[to].load(content)
            found = [run(images), run(images[:1])]
    except Exception as error:  # exporters raise everything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            f'PyTorch {torch.__version__} cannot export this {type(model.backbone).__name__} with '
            f'its {type(model.head).__name__} --to {to}: {reason}'
        ) from error
    wanted = [predict_batch(model, part, graph.outputs) for part in (images, images[:1])]
    difference = max(
        _difference(expected.numpy(), values)
        for one, output in zip(wanted, found, strict=True)
        for expected, values in zip(one.values(), output, strict=True)
    )
    if not difference <= TOLERANCE:
        raise ValueError(
            f'--to {to}: the exported probabilities differ from those of PyTorch by '
            f'{difference:.2g}, and may differ by {TOLERANCE:g}. Nothing is written.'
        )
    return content, difference


def _difference(expected: np.ndarray, found: np.ndarray) -> float:
    """The largest one; NaN where a value is none, infinity where the shapes differ."""
    return float(np.abs(expected - found).max()) if expected.shape == found.shape else np.inf


def _write_onnx(model: ProbabilityModel, example: Tensor, notes: Mapping) -> bytes:
    import onnx

    program = torch.onnx.export(
        model,
        (example,),
        dynamo=True,
        input_names=[INPUT],
        output_names=model.outputs,
        dynamic_shapes=({0: torch.export.Dim('batch')},),
        verbose=False,
    )
    proto = program.model_proto
    texts = {key: value if isinstance(value, str) else _json(value) for key, value in notes.items()}
    onnx.helper.set_model_props(proto, texts)
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def _load_onnx(content: bytes) -> Callable[[Tensor], list[np.ndarray]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=['CPUExecutionProvider'])
    return lambda images: session.run(None, {INPUT: images.numpy()})


def _write_torchscript(model: ProbabilityModel, example: Tensor, notes: Mapping) -> bytes:
    file = io.BytesIO()
    traced = torch.jit.trace(model, (example,), check_trace=False)
    torch.jit.save(traced, file, _extra_files={NOTES: _json(notes)})
    return file.getvalue()


def _load_torchscript(content: bytes) -> Callable[[Tensor], list[np.ndarray]]:
    return _arrays_of(torch.jit.load(io.BytesIO(content), map_location='cpu'))


def _write_program(model: ProbabilityModel, example: Tensor, notes: Mapping) -> bytes:
    shapes = ({0: torch.export.Dim('batch')},)
    program = torch.export.export(model, (example,), dynamic_shapes=shapes)
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={NOTES: _json(notes)})
    return file.getvalue()


def _load_program(content: bytes) -> Callable[[Tensor], list[np.ndarray]]:
    return _arrays_of(torch.export.load(io.BytesIO(content)).module())


def _arrays_of(model: Callable[[Tensor], tuple]) -> Callable[[Tensor], list[np.ndarray]]:
    return lambda images: [output.numpy() for output in model(images)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


FORMATS = {
    'onnx': GraphFormat(_write_onnx, _load_onnx),
    'torchscript': GraphFormat(_write_torchscript, _load_torchscript),
    'exported_program': GraphFormat(_write_program, _load_program),
}
