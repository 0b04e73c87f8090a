"""Compare methods: make the runs that are missing, and a table and figures of all.

python tools/compare.py configs/compare/digits.yml --jobs 2        # a plan: configs, noises, seeds
python tools/compare.py 'configs/*/*_digits_sym40.py' --seeds 0 1 2 \
    --variant sym40 --variant sym60 train_dataloader.dataset.noise.ratio=0.6
python tools/compare.py --table-only work_dirs/compare             # what there is, without training

The same command goes on after an interruption: what is done is skipped, what was interrupted
resumed, what failed tried again. The work directory holds a folder a run, and report/. Several may
share it, each run is made by one of them; but on Windows, which lacks the locks, give each its own.
"""

from __future__ import annotations

import argparse
import shlex
import signal
from collections import Counter
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_cfg_options, add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Compare methods')
    parser.add_argument('targets', nargs='*', help='configs or globs of configs, or one plan file')
    parser.add_argument(
        '--table-only',
        nargs='+',
        metavar='DIR',
        help='read the runs below these folders, make no run',
    )
    parser.add_argument('--work-dir', help='where the runs are. Defaults to work_dirs/compare')
    parser.add_argument('--out', help='folder of the report. Defaults to report/ in --work-dir')
    parser.add_argument('--seeds', nargs='+', type=int, help='defaults to those of the plan, or 0')
    parser.add_argument(
        '--variant',
        nargs='+',
        action='append',
        metavar=('NAME', 'KEY=VALUE'),
        help="run every config with these overrides, too; a key such as 'model.head.loss.q?' "
        'counts for configs that have it. Give it once for each variant',
    )
    add_cfg_options(parser, 'config keys of all runs')
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time. Defaults to 1')
    parser.add_argument('--gpus', type=int, help='processes of a run, as tools/dist_train.sh')
    parser.add_argument(
        '--prefix',
        type=shlex.split,
        default=[],
        metavar='COMMAND',
        help="put before each run's command, e.g. 'srun -p gpu --gres=gpu:8 --ntasks=8'",
    )
    parser.add_argument(
        '--launcher',
        choices=['pytorch', 'slurm', 'mpi'],
        help='--launcher of tools/train.py, where the prefix starts several processes',
    )
    parser.add_argument(
        '--rerun-outdated',
        action='store_true',
        help='make runs again that were made with another config, code or data; their folders are '
        'kept under another name',
    )
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help='say what there is to do, and do nothing; no data set is read, so that changed data '
        'go unnoticed',
    )
    parser.add_argument('--decimals', type=int, default=2, help='of the tables. Defaults to 2')
    parser.add_argument('--bold', action='store_true', help='set off the best of each column')
    add_traceback_option(parser)
    args = parser.parse_args()
    if bool(args.targets) == bool(args.table_only):
        parser.error('give configs or a plan to run, or --table-only with folders')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import INTERRUPTED, run_tool
from deft_mm.comparison import (
    ComparisonTable,
    PlannedRun,
    RunFolder,
    Scheduler,
    is_plan,
    plan_runs,
    read_plan,
    read_results,
    write_expected,
    write_report,
)
from deft_mm.engine.options import parse_options, read_options

# What to call a run of a state if its record is of another config, code or data.
_MADE_WITH_OTHERS = dict(outdated='outdated', missing='unfinished, starts anew')


def planned_runs(args: argparse.Namespace) -> list[PlannedRun]:
    """Read the plan file, or make a plan of the command line."""
    plans = [target for target in args.targets if is_plan(target)]
    if plans:
        if len(args.targets) > 1 or args.variant:
            raise ValueError(
                f'{plans[0]} is a plan: it names configs and variants itself; give it alone, with '
                '--seeds and --cfg-options if need be.'
            )
        return read_plan(plans[0], args.seeds, args.cfg_options)
    variants = {name: parse_options(pairs, '--variant') for name, *pairs in args.variant or [['']]}
    return plan_runs(args.targets, args.seeds or [0], variants, args.cfg_options)


def print_survey(scheduler: Scheduler, runs: list[PlannedRun], states: dict[str, str]) -> None:
    counts = Counter(states.values())
    print(f'{len(runs)} runs: ' + ', '.join(f'{n} {state}' for state, n in counts.items()))
    for data, reason in scheduler.data.unreadable.items():
        print(f'{data} cannot be read here, changes of it go unnoticed: {reason}')
    for run in runs:
        what, why = _MADE_WITH_OTHERS.get(states[run.name]), scheduler.why.get(run.name)
        if what and why:
            print(f'  {what}: {run.name} ({why})')
    if counts['outdated'] and not scheduler.rerun_outdated:
        print('Outdated runs are left as they are and are in the table; see --rerun-outdated.')


def stop_like_ctrl_c(*_) -> None:
    raise KeyboardInterrupt


def make_runs(args: argparse.Namespace, work_dir: Path) -> int:
    """Make the runs; return the exit code."""
    runs = planned_runs(args)
    scheduler = Scheduler(
        work_dir,
        train=Path(__file__).resolve().parent / 'train.py',
        jobs=args.jobs,
        gpus=args.gpus,
        prefix=args.prefix,
        launcher=args.launcher,
        rerun_outdated=args.rerun_outdated,
        reads_data=not args.dry_run,
        say=lambda line: print(line, flush=True),
    )
    print_survey(scheduler, runs, scheduler.survey(runs))
    if args.dry_run:
        return 0
    write_expected(work_dir, runs)
    for number in (signal.SIGTERM, getattr(signal, 'SIGHUP', signal.SIGTERM)):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, stop_like_ctrl_c)
    try:
        states = scheduler.run(runs)
    except KeyboardInterrupt:
        print('Interrupted. The same command goes on from here.')
        return INTERRUPTED
    return report_problems(scheduler, runs, states)


def report_problems(scheduler: Scheduler, runs: list[PlannedRun], states: dict[str, str]) -> int:
    """Say which runs the table lacks, and why; return the exit code."""
    names = {
        state: [run.name for run in runs if states[run.name] == state]
        for state in ('failed', 'damaged', 'running')
    }
    for name in names['failed']:
        lines = RunFolder(Path(scheduler.work_dir, name)).last_lines().replace('\n', '\n    ')
        print(f'\nFAILED: {name}\n    {lines}')
    for name in names['damaged']:
        print(f'\nDAMAGED, left alone: {name}\n    {scheduler.why[name]}')
    for what, missing in (
        ('failed', names['failed'] + names['damaged']),
        ('are being made by another process', names['running']),
    ):
        if missing:
            print(f'\n{len(missing)} of {len(runs)} runs {what}: {", ".join(missing)}')
    return 1 if any(names.values()) else 0


def main(args: argparse.Namespace) -> int:
    read_options(args)
    work_dir = Path(args.work_dir or 'work_dirs/compare')
    code = 0
    if args.targets:
        code = make_runs(args, work_dir)
        if args.dry_run or code == INTERRUPTED:
            return code
    folders = args.table_only or [work_dir]
    results = read_results(folders)
    table = ComparisonTable(results, args.decimals, args.bold)
    paths = write_report(table, args.out or Path(args.work_dir or folders[0]) / 'report')
    print(f'\n{table.markdown()}')
    print(f'{len(paths)} files in {paths[0].parent}: {", ".join(path.name for path in paths)}')
    return code or int(results.is_damaged)


if __name__ == '__main__':
    run_tool(main, ARGS)
