"""Put what people have decided into a selection, and into a list of images with right labels.

python tools/apply_corrections.py work_dirs/RUN/selection.csv corrections.csv
python tools/apply_corrections.py selection.csv ann.csv bob.csv --out reviewed.csv
python tools/apply_corrections.py selection.csv corrections.csv --write-list fixed.csv
python tools/apply_corrections.py selection.csv project-1.json     # an export of Label Studio
python tools/apply_corrections.py selection.csv corrections.csv --move path/to/images [--yes]
python tools/apply_corrections.py --undo moved.csv

The reviewed selection (reviewed.csv beside the selection, or --out) has a column corrected_label,
which goes before what the detector says wherever the file is used: NoiseFilterHook.selection,
CleanSubset and its like. Where reviewers don't agree, a sample is excluded if one of them excludes
it, else it stays as it was; conflicts are listed. fixed.csv has the columns path,label of all
images but the excluded ones: a list for tools/clean.py and for data_root of the folder configs.
An export is the JSON of a project whose tasks tools/export_selection.py has written.

--move says which images would go to the folder of another class, or, excluded, to
<images>_excluded; with --yes they do, and moved.csv beside the selection is what --undo takes.
The selection is then one of other files: clean them anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_traceback_option


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Put corrections into a selection')
    parser.add_argument('selection', nargs='?', type=Path, help='selection that was reviewed')
    parser.add_argument(
        'corrections',
        nargs='*',
        type=Path,
        help='corrections.csv, a JSON export of Label Studio, or several',
    )
    parser.add_argument(
        '--out', type=Path, help='reviewed selection. Defaults to reviewed.csv beside the selection'
    )
    parser.add_argument(
        '--write-list', type=Path, metavar='FILE', help='list of images with right labels (.csv)'
    )
    parser.add_argument(
        '--move', type=Path, metavar='FOLDER', help='say which images in this folder would move'
    )
    parser.add_argument('--yes', action='store_true', help='and move them')
    parser.add_argument('--undo', type=Path, metavar='FILE', help='move images back, by moved.csv')
    add_traceback_option(parser)
    args = parser.parse_args()
    if (args.undo is None) == (not args.corrections):
        parser.error('give a SELECTION and CORRECTIONS, or --undo FILE alone')
    if args.yes and args.move is None:
        parser.error('--yes belongs to --move')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

from mmengine.logging import MMLogger

import deft_mm  # noqa: F401  registers the package's classes
from deft_mm.command_line import run_tool
from deft_mm.datasets.own_images import Move, move_images, plan_moves, undo_moves
from deft_mm.detection import require_selection_place
from deft_mm.fileio import require_writable, write_atomically
from deft_mm.selection import (
    EXCLUDED,
    Review,
    SampleTable,
    apply_corrections,
    count_decisions,
    read_selection,
    write_selection,
)
from deft_mm.selection.exchange import chosen_rows, image_list, require_list_name
from deft_mm.shorten import printable

# Conflicts on the console.
_SHOWN = 20


def check_outputs(args: argparse.Namespace) -> None:
    """Refuse what could not be written, or would be lost."""
    read = [args.selection, *args.corrections]
    for name, path in (('--out', args.out), ('--write-list', args.write_list)):
        if path is None:
            continue
        if any(path.exists() and other.exists() and path.samefile(other) for other in read):
            raise ValueError(f"{name} '{path}' is read here, too: give another name.")
    require_selection_place(args.out, '--out')
    if args.write_list is not None:
        require_writable(args.write_list, '--write-list')
        require_list_name(args.write_list, '--write-list')


def conflict_lines(review: Review) -> list[str]:
    """What reviewers don't agree on."""
    table = review.table
    lines = []
    for idx, decisions in list(review.conflicts.items())[:_SHOWN]:
        said = ', '.join(
            f'{one.reviewer or "(no name)"}: '
            + ('exclude' if one.label == EXCLUDED else repr(table.class_names[one.label]))
            for one in decisions
        )
        lines.append(printable(f'  sample {idx} {table.img_path[idx]}  {said}'))
    left = len(review.conflicts) - len(lines)
    return lines + ([f'  and {left} more'] if left else [])


def tell_moves(logger: MMLogger, moves: list[Move], title: str) -> None:
    lines = [printable(f'  {move.source} -> {move.target}') for move in moves[:_SHOWN]]
    left = len(moves) - len(lines)
    logger.info('\n'.join([title, *lines, *([f'  and {left} more'] if left else [])]))


def move(args: argparse.Namespace, table: SampleTable, logger: MMLogger) -> None:
    """Say what would move, and move it where that is wanted."""
    moves, record = plan_moves(table, args.move), args.selection.with_name('moved.csv')
    if not args.yes:
        tell_moves(logger, moves, f'{len(moves)} images would move, with --yes:')
        return
    move_images(moves, record)
    tell_moves(logger, moves, f"{len(moves)} images have moved; back: --undo '{record}'")


def undo(record: Path, logger: MMLogger) -> int:
    back, left = undo_moves(record)
    logger.info(f'{back} images are back where they were.')
    if left:
        tell_moves(logger, left, f'{len(left)} are left alone, not being where they were moved to:')
    return int(bool(left))


def main(args: argparse.Namespace) -> int | None:
    logger = MMLogger.get_instance('apply_corrections')
    if args.undo is not None:
        return undo(args.undo, logger)
    if args.out is None:
        args.out = args.selection.with_name(f'reviewed{args.selection.suffix}')
    check_outputs(args)
    table = read_selection(args.selection)
    review = apply_corrections(table, args.corrections)
    if args.write_list is not None:
        rows = chosen_rows(review.table, 'all')
        content = image_list(review.table, rows, args.write_list, '--write-list')
        write_atomically(content, args.write_list)
    write_selection(args.out, review.table)
    if review.conflicts:
        logger.warning(
            '\n'.join(
                [f'Reviewers differ on {len(review.conflicts)} samples:', *conflict_lines(review)]
            )
        )
    counts = ', '.join(f'{n} {word}' for word, n in count_decisions(review.table).items())
    lines = [
        f'  {"decided":18} {counts}',
        f'  {"kept samples":18} {review.table.num_kept} of {len(table)} (before: {table.num_kept})',
        f'  {"reviewed selection":18} {args.out}',
    ]
    if args.write_list is not None:
        lines.append(f'  {"list":18} {args.write_list}')
    logger.info('\n'.join(['Summary', *lines]))
    if args.move is not None:
        move(args, review.table, logger)


if __name__ == '__main__':
    run_tool(main, ARGS)
