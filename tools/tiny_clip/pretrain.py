"""Makes the built-in tiny CLIP, from nothing but a seed.

    python -m tools.tiny_clip.pretrain --out deft_mm/assets/tiny_clip

draws digits, letters and shapes, writes captions for them, learns a byte-pair vocabulary
from the captions and trains an open_clip ViT on the pairs. It needs no network and no data,
and one CPU core for about forty minutes.

How long it trains. Every 50 steps it measures, on held-out drawings (fonts that training
never shows, and pen strokes drawn afresh), how many it names right out of all 52 names. Once
that has not risen for 200 steps, the learning rate, constant until then, falls to zero over
300 more steps, and training ends; at 3,000 steps it ends in any case. These numbers were
settled before the first run. scikit-learn's digits have no part in this; they are classified
once the model is finished, for the report:

    python -m tools.tiny_clip.pretrain --report-digits deft_mm/assets/tiny_clip
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer

from .bpe import BASE_SYMBOLS, learn_merges, vocabulary_bytes
from .captions import caption_corpus
from .drawing import Pool, draw_pool
from .evaluation import held_out_accuracy
from .folder import (
    CONFIG_NAME,
    VOCABULARY_NAME,
    WEIGHTS_NAME,
    as_stored,
    build_config,
    build_model,
    build_tokenizer,
    weights_bytes,
    write_atomically,
    write_json,
)
from .training import Recipe, keep_freed_memory, train

SEED = 0
STEPS = 3_000
STRIDE = 50
PATIENCE = 200
COOL_DOWN = 300
BATCH = 256
POOL = 60_000
HELD_OUT = 4_000
MERGES = 313

RECORD_NAME = 'training_record.json'
PACKAGES = ('torch', 'open_clip_torch', 'numpy', 'pillow', 'matplotlib', 'safetensors')


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument('--out', type=Path, help='folder to write the trained model to')
    task.add_argument('--report-digits', type=Path, metavar='FOLDER', help='only evaluate FOLDER')
    parser.add_argument('--seed', type=int, default=SEED, help='%(default)s unless given')
    parser.add_argument('--steps', type=int, default=STEPS, help='at most (%(default)s)')
    parser.add_argument('--batch', type=int, default=BATCH, help='images a step (%(default)s)')
    parser.add_argument('--pool', type=int, default=POOL, help='drawings to make (%(default)s)')
    parser.add_argument(
        '--held-out', type=int, default=HELD_OUT, help='drawings to test on (%(default)s)'
    )
    # One thread by default: sums then come in one order, whatever the number of cores.
    parser.add_argument('--threads', type=int, default=1, help='CPU threads (%(default)s)')
    options = parser.parse_args(arguments)
    for name in ('steps', 'batch', 'pool', 'held_out', 'threads'):
        if getattr(options, name) < 1:
            parser.error(f'--{name.replace("_", "-")} must be at least 1')
    if options.seed < 0:
        parser.error('--seed must not be negative')
    return options


def has_plateaued(curve: dict[int, float]) -> bool:
    """Whether held-out accuracies by step last rose to a new best `PATIENCE` steps ago."""
    best = max(curve, key=lambda step: (curve[step], -step))
    return max(curve) - best >= PATIENCE


def prepare(options: argparse.Namespace, folder: Path) -> tuple[CLIP, SimpleTokenizer]:
    """Write vocabulary and config; give the untrained model and its tokenizer."""
    merges = learn_merges(caption_corpus(SEED), MERGES)
    vocab_size = BASE_SYMBOLS + len(merges)
    write_atomically(folder / VOCABULARY_NAME, vocabulary_bytes(merges))
    write_json(folder / CONFIG_NAME, build_config(vocab_size))
    tokenizer = build_tokenizer(folder / VOCABULARY_NAME)
    torch.manual_seed(options.seed)
    return build_model(vocab_size), tokenizer


def run_training(options: argparse.Namespace, pool: Pool, held_out: Pool) -> dict:
    """Train, write the folder, and give the figures of the run."""
    model, tokenizer = prepare(options, options.out)
    curve: dict[int, float] = {}

    def measure(step: int, loss: float) -> bool:
        if step % STRIDE:
            return False
        accuracy = held_out_accuracy(model, tokenizer, held_out)
        curve[step] = accuracy['all']
        figures = '  '.join(f'{name} {value:.4f}' for name, value in accuracy.items())
        print(f'step {step:5d}  loss {loss:.3f}  held out: {figures}', flush=True)
        return has_plateaued(curve)

    recipe = Recipe(options.steps, COOL_DOWN, options.batch, seed=options.seed)
    steps = train(model, tokenizer, pool, recipe, measure)
    weights = weights_bytes(as_stored(model))
    write_atomically(options.out / WEIGHTS_NAME, weights)
    return {
        'seed': options.seed,
        'steps': steps,
        'held_out_accuracy_by_step': curve,
        'batch': options.batch,
        'pool': options.pool,
        'threads': options.threads,
        'held_out_drawings': options.held_out,
        'held_out_accuracy': held_out_accuracy(model, tokenizer, held_out),
        'weights_bytes': len(weights),
        'weights_sha256': hashlib.sha256(weights).hexdigest(),
        'python': platform.python_version(),
        'packages': {name: version(name) for name in PACKAGES},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    keep_freed_memory()
    if options.report_digits is not None:
        from .digits_report import digits_accuracy

        print(f'zero-shot accuracy on the digits: {digits_accuracy(options.report_digits):.4f}')
        return
    wall, cpu = time.perf_counter(), time.process_time()
    pool = draw_pool(options.pool, options.seed)
    held_out = draw_pool(options.held_out, options.seed, held_out=True)
    print(f'drew {options.pool + options.held_out} images in {time.perf_counter() - wall:.0f} s')
    record = run_training(options, pool, held_out)
    record['wall_seconds'] = round(time.perf_counter() - wall, 1)
    record['cpu_seconds'] = round(time.process_time() - cpu, 1)
    write_json(options.out / RECORD_NAME, record)
    print(f'wrote {options.out}: {record["held_out_accuracy"]}')
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f'took {wall:.0f} s of wall time, {cpu:.0f} s of CPU time')


if __name__ == '__main__':
    main()
