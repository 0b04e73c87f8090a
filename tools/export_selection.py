"""Write a selection for the tools that people label and look at images with.

python tools/export_selection.py selection.csv --to labelstudio --out tasks --keep rejected
python tools/export_selection.py selection.csv --to cvat --out cvat
python tools/export_selection.py selection.csv --to hf --out dataset --keep kept [--copy]
python tools/export_selection.py selection.csv --to fiftyone --out fiftyone
python tools/export_selection.py selection.csv --to csv --out kept.csv

labelstudio: a folder with tasks.json, to be imported into a project of Label Studio, and
  label_config.xml, its labelling interface. What the project exports as JSON goes to
  tools/apply_corrections.py. Label Studio shows what has an address: --image-prefix
  '/data/local-files/?d=FOLDER/' for files that it serves itself, or https://...; the summary says
  which folder it stands for.
cvat: a folder with imagenet.zip, to be imported into a project of CVAT as "ImageNet 1.0", and
  labels.json, the project's labels.
hf: a folder that datasets.load_dataset('imagefolder', data_dir=...) reads, with metadata.csv, or
  metadata.parquet, which has any class name, all of it in the split "train". Images are
  links; --copy copies them.
fiftyone: a folder with load_fiftyone.py, which builds a data set of the samples.json beside it.
csv: a list path,label of what is kept, for tools/clean.py and for data_root of the folder configs.

In all of them a person's decision goes before the detector's: labels are the corrected ones, and
what people exclude is in none. The folder is a new one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import ctrl_c  # noqa: F401  ends a tool that is still importing

from common_options import add_traceback_option

FORMATS = ('labelstudio', 'cvat', 'hf', 'fiftyone', 'csv')
KEEP = ('all', 'kept', 'rejected')
METADATA = ('csv', 'parquet')
# Options that one format has.
OWN_OPTIONS = dict(image_prefix='labelstudio', copy='hf', metadata='hf')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Write a selection for other tools')
    parser.add_argument('selection', type=Path, help='selection file, reviewed or not')
    parser.add_argument('--to', choices=FORMATS, required=True, help='%(choices)s')
    parser.add_argument(
        '--out', type=Path, required=True, help='new folder; of csv, the list (.csv)'
    )
    parser.add_argument(
        '--keep',
        choices=KEEP,
        help='all samples that nobody excludes, or those of them that are kept or rejected. '
        'Defaults to kept for csv, else to all',
    )
    parser.add_argument(
        '--image-prefix',
        metavar='URL',
        help='labelstudio: what stands before the paths of images below the folder that they share',
    )
    parser.add_argument('--copy', action='store_true', help='hf: copy images, do not link to them')
    parser.add_argument('--metadata', choices=METADATA, help='hf: defaults to csv')
    add_traceback_option(parser)
    args = parser.parse_args()
    for name, format_ in OWN_OPTIONS.items():
        if getattr(args, name) and args.to != format_:
            parser.error(f'--{name.replace("_", "-")} belongs to --to {format_}')
    args.keep = args.keep or ('kept' if args.to == 'csv' else 'all')
    return args


# Before what takes seconds to import.
ARGS = parse_args() if __name__ == '__main__' else None

import numpy as np
from mmengine.logging import MMLogger

from deft_mm.command_line import run_tool
from deft_mm.fileio import new_folder, require_new_folder, require_writable, write_atomically
from deft_mm.selection import SampleTable, read_selection, require_pyarrow
from deft_mm.selection.exchange import (
    chosen_rows,
    common_folder,
    image_list,
    require_class_names,
    require_list_name,
    write_cvat,
    write_fiftyone,
    write_hugging_face,
    write_label_studio,
)
from deft_mm.shorten import printable


def check_out(args: argparse.Namespace) -> None:
    """Refuse what could not be written, or would be lost."""
    if args.to == 'csv':
        require_writable(args.out, '--out')
        require_list_name(args.out, '--out')
    else:
        require_new_folder(args.out, '--out')
    if args.metadata is not None:
        require_pyarrow(args.out / f'metadata.{args.metadata}')


def write(args: argparse.Namespace, table: SampleTable, rows: np.ndarray) -> None:
    """Write all of it, or nothing."""
    if args.to == 'csv':
        write_atomically(image_list(table, rows, args.out, '--to csv'), args.out)
        return
    with new_folder(args.out) as folder:
        if args.to == 'labelstudio':
            write_label_studio(table, rows, folder, args.image_prefix or '')
        elif args.to == 'cvat':
            write_cvat(table, rows, folder)
        elif args.to == 'hf':
            write_hugging_face(table, rows, folder, args.copy, args.metadata or 'csv')
        else:
            write_fiftyone(table, rows, folder)


def main(args: argparse.Namespace) -> None:
    logger = MMLogger.get_instance('export_selection')
    check_out(args)
    table = read_selection(args.selection)
    if args.to != 'csv':
        require_class_names(table)
    rows = chosen_rows(table, args.keep)
    if not len(rows):
        raise ValueError(
            f"--keep {args.keep}: '{args.selection}' has no such sample; it keeps "
            f'{table.num_kept} of {len(table)}.'
        )
    write(args, table, rows)
    decided = int(np.count_nonzero(table.decided[rows]))
    lines = [
        f'  {"samples":10} {len(rows)} of {len(table)} ({args.keep}), {decided} decided by people',
        f'  {"written":10} {args.out}',
    ]
    if args.to == 'labelstudio':
        said = args.image_prefix or 'not shown without --image-prefix'
        lines.append(f'  {"images":10} {printable(common_folder(table))}: {said}')
    logger.info('\n'.join(['Summary', *lines]))


if __name__ == '__main__':
    run_tool(main, ARGS)
