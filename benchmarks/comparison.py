"""What every benchmark does: compare ours with the plain way, and only then time them.

A benchmark checks that both give the same (:func:`check_agreement`), runs them in turn
(:func:`time_in_turn`), and prints the ratio of their times with its spread, and that of their
memory (:func:`report`). With ``--small`` it has a small model and only checks agreement.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

GIB = 2**30


def parse_args(
    description: str, argv: Sequence[str] | None = None, **defaults
) -> argparse.Namespace:
    """The options that all benchmarks have.

    Args:
        description (str): What is compared.
        argv (Sequence[str], optional): Arguments; None for those of the command line. Defaults to
            None.
        **defaults: Other defaults; a new name becomes an option of the type of its value.

    Returns:
        argparse.Namespace: ``small``, ``repeats``, ``devices`` and what ``defaults`` adds.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--small', action='store_true', help='a small model; only check that the results agree'
    )
    parser.add_argument('--repeats', type=int, default=3, help='how often each way is timed')
    parser.add_argument(
        '--devices', nargs='+', default=devices(), help='default: cpu, and cuda if there is one'
    )
    known = {action.dest for action in parser._actions}
    for name, value in defaults.items():
        if name not in known:
            many = isinstance(value, list)
            kind = type(value[0] if many else value)
            parser.add_argument(
                f'--{name.replace("_", "-")}', type=kind, nargs='+' if many else None
            )
    parser.set_defaults(**defaults)
    args = parser.parse_args(argv)
    if args.repeats < 1:
        parser.error('--repeats must be 1 or more')
    return args


def devices() -> list[str]:
    """'cpu', and 'cuda' where there is a GPU."""
    return ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']


def describe(device: str) -> str:
    """The machine, for the first line of the output."""
    what = f'torch {torch.__version__}, Python {platform.python_version()}'
    if torch.device(device).type == 'cuda':
        return f'{torch.cuda.get_device_name(device)}, {what}'
    with contextlib.suppress(OSError):
        for line in Path('/proc/cpuinfo').read_text().splitlines():
            if line.startswith('model name'):
                return f'{line.split(":")[1].strip()}, {torch.get_num_threads()} threads, {what}'
    return (
        f'{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {what}'
    )


# -- agreement --------------------------------------------------------------------


def relative_error(ours: Tensor, plain: Tensor) -> float:
    """Largest difference, relative to the largest entry of ``plain``."""
    ours, plain = ours.detach().double().cpu(), plain.detach().double().cpu()
    if ours.shape != plain.shape:
        raise ValueError(f'shapes differ: ours {tuple(ours.shape)}, plain {tuple(plain.shape)}')
    return ((ours - plain).abs().max() / plain.abs().max().clamp(min=1e-30)).item()


def check_agreement(
    what: str, ours: Mapping[str, Tensor], plain: Mapping[str, Tensor], tolerance: float
) -> None:
    """Stop the benchmark if the two ways do not give the same.

    Args:
        what (str): Name of the comparison.
        ours (Mapping[str, Tensor]): Results by name.
        plain (Mapping[str, Tensor]): The same of the plain way.
        tolerance (float): Largest relative error, of the largest entry of each tensor.

    Raises:
        SystemExit: If a result differs, or is missing.
    """
    if ours.keys() != plain.keys():
        raise SystemExit(f'{what}: results {sorted(ours)} and {sorted(plain)} differ in name')
    errors = {key: relative_error(ours[key], plain[key]) for key in plain}
    wrong = [f'{key} by {error:.2g}' for key, error in errors.items() if not error <= tolerance]
    if wrong:
        raise SystemExit(f'{what}: ours differs from plain in {", ".join(wrong)} (> {tolerance:g})')
    found = ', '.join(f'{key} {error:.1e}' for key, error in errors.items())
    print(f'{what}: agree, relative errors: {found}', flush=True)


# -- time -------------------------------------------------------------------------


@dataclass(frozen=True)
class Times:
    """Times in seconds of runs in turn: the i-th of both belong together."""

    plain: Sequence[float]
    ours: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """list[float]: Plain / ours of each pair."""
        return [plain / ours for plain, ours in zip(self.plain, self.ours, strict=True)]

    def __add__(self, other: Times) -> Times:
        """Times of both one after the other."""
        pairs = zip((self.plain, self.ours), (other.plain, other.ours), strict=True)
        return Times(*([a + b for a, b in zip(*pair, strict=True)] for pair in pairs))

    def __mul__(self, factor: float) -> Times:
        """Times of ``factor`` runs."""
        return Times([t * factor for t in self.plain], [t * factor for t in self.ours])

    def __str__(self) -> str:
        return (
            f'{_ratio(self.ratios)}, plain {median(self.plain):.3g} s, '
            f'ours {median(self.ours):.3g} s'
        )


def time_in_turn(
    plain: Callable[[], object],
    ours: Callable[[], object],
    repeats: int,
    device: str = 'cpu',
    warmup: int = 1,
) -> Times:
    """Times plain, ours, plain, ours, ...

    Args:
        plain (Callable): The plain way.
        ours (Callable): Our way.
        repeats (int): How many runs of each are timed.
        device (str): Where they run; a GPU is waited for. Defaults to 'cpu'.
        warmup (int): How many runs of each come before, untimed; 0 if both have just run. Defaults
            to 1.

    Returns:
        Times: In the order in which they were measured.
    """
    for _ in range(warmup):
        plain(), ours()
    pairs = [(seconds(plain, device), seconds(ours, device)) for _ in range(repeats)]
    return Times(*(list(times) for times in zip(*pairs, strict=True)))


def seconds(function: Callable[[], object], device: str = 'cpu') -> float:
    """How long a call takes, a GPU's work included."""
    gc.collect()
    _wait_for(device)
    start = time.perf_counter()
    function()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: str) -> None:
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)


def _ratio(ratios: Sequence[float]) -> str:
    """Median, and the range if there is one."""
    text = f'{median(ratios):.1f}x'
    if len(ratios) > 1:
        text += f' ({min(ratios):.1f}x to {max(ratios):.1f}x of {len(ratios)})'
    return text


# -- memory -----------------------------------------------------------------------


def peak_memory(function: Callable[[], object], device: str = 'cpu') -> int:
    """How many bytes of tensors more than before a call needs at its peak.

    PyTorch's allocators are asked, not the system: what the C library keeps of freed memory, and
    arrays of other libraries, don't count.

    Args:
        function (Callable): What is called, once.
        device (str): Whose memory is meant. Defaults to 'cpu'.

    Returns:
        int: Bytes.
    """
    gc.collect()
    if torch.device(device).type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        function()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    # Every allocation (positive) and every release (negative).
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == '[memory]']
    # Its name depends on the version of PyTorch.
    start = 'start_ns' if events and hasattr(events[0], 'start_ns') else 'start_us'
    events.sort(key=lambda event: getattr(event, start)())
    return max(accumulate((event.nbytes() for event in events), initial=0))


def parameter_bytes(*modules: torch.nn.Module) -> int:
    """What the weights of modules take; shared ones count once."""
    tensors = {p for module in modules for p in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass(frozen=True)
class Peaks:
    """Peak memory in bytes, weights included; None where it was not measured.

    Args:
        plain (float, optional): Of the plain way.
        ours (float, optional): Of ours.
        extrapolated (bool): Whether ``plain`` was not measured at this size, but at smaller ones.
            Defaults to False.
    """

    plain: float | None
    ours: float | None
    extrapolated: bool = False

    def __str__(self) -> str:
        if self.plain is None or self.ours is None:
            return 'not measured'
        mark = ' (extrapolated)' if self.extrapolated else ''
        return (
            f'{self.plain / self.ours:.1f}x, plain {self.plain / GIB:.2f} GiB{mark}, '
            f'ours {self.ours / GIB:.2f} GiB'
        )


def fit_line(sizes: Iterable[Sequence[float]], values: Iterable[float]) -> Callable[..., float]:
    """Least squares of values that grow linearly with sizes, for what cannot be measured whole.

    Args:
        sizes (Iterable[Sequence[float]]): Sizes of each measurement, such as ``(classes, images)``.
        values (Iterable[float]): What was measured.

    Returns:
        Callable: From sizes to the value on the line.
    """
    rows = torch.tensor([[1.0, *size] for size in sizes], dtype=torch.float64)
    values = torch.tensor(list(values), dtype=torch.float64)
    solution = torch.linalg.lstsq(rows, values[:, None]).solution[:, 0].tolist()
    return lambda *size: sum(a * x for a, x in zip(solution, (1.0, *size), strict=True))


# -- output -----------------------------------------------------------------------


def report(what: str, times: Times | None = None, peaks: Peaks | None = None) -> None:
    """Print the result of one comparison.

    Args:
        what (str): Name of the comparison.
        times (Times, optional): Times of both. Defaults to None.
        peaks (Peaks, optional): Memory of both. Defaults to None.
    """
    parts = [] if times is None else [f'time {times}']
    parts += [] if peaks is None else [f'peak memory {peaks}']
    print(f'{what}: {"; ".join(parts)}', flush=True)
