"""Export a trained classifier, or the detector of a DeFT run, for use.

python tools/export.py work_dirs/RUN/epoch_20.pth --to onnx                # epoch_20.onnx beside it
python tools/export.py work_dirs/RUN/epoch_20.pth --to torchscript --out model.pt
python tools/export.py work_dirs/RUN/epoch_20.pth --to onnx --part detector
python tools/export.py work_dirs/RUN/epoch_20.pth --to checkpoint

onnx, torchscript and exported_program (of torch.export) are graphs: prepared images of shape
(batch, 3, height, width) go in, the probabilities of all classes come out, as 'probs'. How images
are prepared and which classes there are stands in FILE.json, and in the file itself. A detector has
the features of its texts frozen in, and with dual prompts the output 'clean_probs', too: of every
class, the probability that it is a right label.

checkpoint is the classifier alone, without detector and optimiser, with a config.json that needs
nothing else of the run: for tools/predict.py and MMPretrain's ImageClassificationInferencer.

With EMAHook the weights are the averaged ones, as in validation. What is written is loaded again
and compared with PyTorch on images of the config's validation, or --images, before it is put in
place: no probability may differ by more than 0.0001. No file is written over.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_traceback_option

SUFFIXES = dict(onnx='.onnx', torchscript='.pt', exported_program='.pt2', checkpoint='.pth')
NEEDS = dict(onnx=('onnx', 'onnxscript', 'onnxruntime'))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Export a trained model for use')
    parser.add_argument('checkpoint', type=Path, help='checkpoint of a run')
    parser.add_argument('--to', required=True, choices=SUFFIXES, help='what is written')
    parser.add_argument(
        '--out',
        type=Path,
        help='defaults to CHECKPOINT with another ending; of --to checkpoint, to the same name in '
        'a folder of its own beside it',
    )
    parser.add_argument(
        '--part',
        choices=['classifier', 'detector'],
        default='classifier',
        help='of a DeFT run. Defaults to %(default)s',
    )
    parser.add_argument('--config', help='defaults to the config.json beside the checkpoint')
    parser.add_argument(
        '--images',
        nargs='+',
        help='images, folders or lists of paths to check on. Defaults to the data of validation',
    )
    add_traceback_option(parser)
    args = parser.parse_args()
    if args.to == 'checkpoint' and args.part == 'detector':
        parser.error(
            '--part detector is for graphs: the checkpoint of the run is what tools/detect.py and '
            'WrongLabelInferencer take'
        )
    missing = [name for name in NEEDS.get(args.to, ()) if find_spec(name) is None]
    if missing:
        parser.error(
            f'--to {args.to} needs {" and ".join(missing)}, which '
            f'{"is" if len(missing) == 1 else "are"} not installed: pip install '
            f'{" ".join(missing)}'
        )
    args.out = args.out or default_out(args)
    if args.out.suffix != SUFFIXES[args.to]:
        parser.error(f"--out '{args.out}': give the name of a {SUFFIXES[args.to]} file")
    return args


def default_out(args: argparse.Namespace) -> Path:
    """Where the file goes if nobody says."""
    path = args.checkpoint
    if args.to == 'checkpoint':
        return path.parent / f'{path.stem}_classifier' / path.with_suffix('.pth').name
    part = '_detector' if args.part == 'detector' else ''
    return path.with_name(f'{path.stem}{part}{SUFFIXES[args.to]}')


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import json

from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.deployment import (
    TOLERANCE,
    checked_graph,
    deployment_checkpoint,
    graph_notes,
    output_names,
    real_batch,
)
from deft_mm.detection import (
    FileModel,
    config_of_checkpoint,
    file_model,
    find_images,
    load_checkpoint,
)
from deft_mm.fileio import require_writable, write_atomically


def beside(args: argparse.Namespace) -> Path:
    """What is written beside the file; 'epoch_20.json' could be somebody's."""
    if args.to == 'checkpoint':
        return args.out.with_name('config.json')
    return args.out.with_name(f'{args.out.name}.json')


def check_out(args: argparse.Namespace) -> None:
    """Refuse to write over anything."""
    require_writable(args.out, '--out')
    for path in (args.out, beside(args)):
        if path.exists():
            raise ValueError(
                f"--out '{args.out}': '{path}' exists: remove it, or give another one."
            )


def export_checkpoint(args: argparse.Namespace, found: FileModel, source: str) -> str:
    """Write the checkpoint; say what there is to say of it."""
    images = real_batch(found, own=args.images is None)
    content, config = deployment_checkpoint(found, images, source)
    write_atomically(config, beside(args))
    write_atomically(content, args.out)
    before = args.checkpoint.stat().st_size
    return f'{len(content) / 2**20:.2f} MiB, {args.checkpoint.name} has {before / 2**20:.2f} MiB'


def export_graph(args: argparse.Namespace, found: FileModel) -> str:
    """Write the graph; say what there is to say of it."""
    images = real_batch(found, own=args.images is None)
    is_detector = args.part == 'detector'
    outputs = output_names(found.model, is_detector)
    notes = graph_notes(
        found, images, outputs, checkpoint=args.checkpoint.name, part=args.part, format=args.to
    )
    content, difference = checked_graph(args.to, found.model, images, is_detector, notes)
    write_atomically(json.dumps(notes, indent=1, ensure_ascii=False).encode(), beside(args))
    write_atomically(content, args.out)
    return (
        f'{len(content) / 2**20:.2f} MiB; on {len(images)} images no probability differs from '
        f"PyTorch's by more than {difference:.1e} (allowed: {TOLERANCE:g})"
    )


def main(args: argparse.Namespace) -> None:
    check_out(args)
    cfg = config_of_checkpoint(str(args.checkpoint), args.config)
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    logger = MMLogger.get_instance('export')
    paths = find_images(args.images) if args.images else ['']
    checkpoint, source = load_checkpoint(str(args.checkpoint)), f'Checkpoint {args.checkpoint}'
    if args.part == 'detector' and 'detector' not in cfg.model and not has_text(cfg):
        raise ValueError(
            f'{source} is of a run without a detector ({cfg.model.type}): leave --part out, and '
            'its classifier is exported.'
        )
    found = file_model(cfg, checkpoint, paths, source, args.part)
    if 'ema_state_dict' in checkpoint:
        logger.info('The weights are the averaged ones of EMAHook, as in validation.')
    is_checkpoint = args.to == 'checkpoint'
    told = export_checkpoint(args, found, source) if is_checkpoint else export_graph(args, found)
    logger.info(f'{args.out}: {told}. Beside it: {beside(args).name}')


def has_text(cfg) -> bool:
    """Whether a model that is not DeFT is a detector by itself."""
    return 'clip' in (cfg.model.get('head') or {})


if __name__ == '__main__':
    run_tool(main, ARGS)
