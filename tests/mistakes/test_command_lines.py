"""Mistakes of the command line and of files that it names."""

import os
import signal
import subprocess
import sys

import pytest

from mistakes.rows import DIGITS, rows, train
from runner_utils import REPO
from tool_utils import COMPLETE, TOOLS

PLAN = REPO / 'configs/compare/digits.yml'
NO_NOISE = REPO / 'configs/deft/deft_animal10n.py'


@rows(
    ('config that there is not', train(config='no.py'), r'^train\.py: Config file no\.py does not'),
    (
        'launcher that has not started the process',
        [*train(), '--launcher', 'slurm'],
        r'--launcher slurm: it has not started this process \(SLURM_PROCID',
    ),
    (
        'checkpoint to go on from that there is not',
        [*train(), '--resume', 'no.pth'],
        r'--resume: checkpoint no\.pth does not exist',
    ),
    (
        'work directory that is a file',
        ['train.py', DIGITS, '--work-dir', 'run/notes.txt'],
        r"--work-dir 'run/notes\.txt' is a file: give a folder",
    ),
    (
        'launcher of PyTorch',
        [*train(), '--launcher', 'pytorch'],
        r'--launcher pytorch: it has not started this process \(RANK is not set\)',
    ),
    ('plan for train.py', train(config=PLAN), r'digits\.yml has neither a model nor data, only c'),
    (
        'plan for test.py',
        ['test.py', PLAN, 'x.pth'],
        r'^test\.py: .*digits\.yml has neither a model',
    ),
    ('plan to browse', ['browse_dataset.py', PLAN], r'^browse_dataset\.py: .*has neither a model'),
    ('no config to browse', ['browse_dataset.py', 'no.py'], r'Config file no\.py does not exist'),
    ('no selection', ['browse_dataset.py', DIGITS, '--selection', 'no.csv'], r"file 'no\.csv'"),
    ('no class', ['browse_dataset.py', DIGITS, '--class-name', 'cow'], r'^browse_dataset.*cow'),
    ('no sample', ['browse_dataset.py', DIGITS, '--indices', '9999'], r'^browse_dataset.*9999'),
    ('no noise', ['make_noise.py', NO_NOISE], r'^make_noise\.py: .* adds no noise'),
    ('no config of noise', ['make_noise.py', 'no.py'], r'^make_noise\.py: Config file no\.py'),
    ('noise file', ['make_noise.py', DIGITS, '--out', 'x.txt'], r"path of a \.npz file.*'x\.txt'"),
    (
        'no data',
        ['detect.py', DIGITS, '--clip-only', '--data', 'nowhere'],
        r'^detect\.py: .*nowhere',
    ),
    (
        'no list',
        ['detect.py', DIGITS, '--clip-only', '--data', 'no.csv'],
        r'^detect\.py: .*no\.csv',
    ),
    ('selector', ['detect.py', DIGITS, '--clip-only', '--selector', 'No'], r"^detect\.py: .*'No'"),
    ('out', ['detect.py', DIGITS, '--clip-only', '--out', 'run'], r"--out 'run' is no selection"),
    (
        'out that is no selection',
        ['detect.py', DIGITS, '--clip-only', '--out', 'run/notes.txt'],
        r"--out 'run/notes\.txt' is no selection file",
    ),
    (
        'nothing to export',
        ['export.py', 'no.pth', '--to', 'torchscript'],
        r'^export\.py: Checkpoint no\.pth does',
    ),
    ('no classifier', ['predict.py', 'no.pth', 'x.png'], r'^predict\.py: Checkpoint no\.pth does'),
    (
        'no selection to correct',
        ['apply_corrections.py', 'no.csv', 'c.csv'],
        r"^apply_corrections\.py: No selection file 'no\.csv'",
    ),
    (
        'no corrections',
        [*train(), '--corrections', 'no.csv'],
        r"^train\.py: There is no file of corrections '.*no\.csv'\.$",
    ),
    ('no run', ['review.py', 'nowhere'], r"^review\.py: There is no work directory 'nowhere'\.$"),
    (
        'nothing to review',
        ['review.py', 'run'],
        r"^review\.py: The work directory 'run' has no selection\.csv: give a file with --sel",
    ),
    (
        'page where a file is',
        ['review.py', 'run', '--selection', 'no.csv', '--out', 'run/notes.txt'],
        r"^review\.py: --out 'run/notes\.txt'.* is a file, not a folder",
    ),
    (
        'brackets',
        [*train(), '--cfg-options', 'a=[1,2'],
        r"^train\.py: --cfg-options: The brackets of 'a=\[1,2' do not match",
    ),
    (
        'brackets of data',
        ['detect.py', DIGITS, '--clip-only', '--data-options', 'a=[1,2'],
        r"^detect\.py: --data-options: The brackets of 'a=\[1,2' do not match",
    ),
    (
        'dict',
        ['clean.py', 'run', '--detector', 'knn', '--detector-options', 'a=dict(b=1,c=2)'],
        r"^clean\.py: --detector-options: 'a=dict\(b=1,c=2\)' has a dict, which a value cannot be",
    ),
    (
        'variant',
        ['compare.py', DIGITS, '--variant', 'name', 'foo'],
        r"^compare\.py: --variant: An override is KEY=VALUE, found 'foo'",
    ),
    (
        'no export',
        [*train(), '--corrections', 'no.json'],
        r"^train\.py: There is no file of corrections '.*no\.json'\.$",
    ),
    (
        'no selection to export',
        ['export_selection.py', 'no.csv', '--to', 'hf', '--out', 'new'],
        r"^export_selection\.py: No selection file 'no\.csv'",
    ),
    (
        'folder that is there',
        ['export_selection.py', 'no.csv', '--to', 'cvat', '--out', 'run'],
        r"^export_selection\.py: --out 'run' is there already, and is left alone",
    ),
    (
        'list that is none',
        ['export_selection.py', 'no.csv', '--to', 'csv', '--out', 'run/notes.txt'],
        r"^export_selection\.py: --out 'run/notes\.txt': give a name in \.csv",
    ),
    (
        'no list to import',
        ['import_selection.py', DIGITS, '--kept', 'no.npy'],
        r"no file 'no\.npy'\.$",
    ),
    (
        'selection where a file is',
        ['import_selection.py', DIGITS, '--kept', 'run/notes.txt', '--out', 'run/notes.txt'],
        r"^import_selection\.py: --out 'run/notes\.txt': give a name in \.csv",
    ),
    (
        'list of words',
        ['import_selection.py', DIGITS, '--kept', 'run/notes.txt'],
        r"^import_selection\.py: --kept 'run/notes\.txt': it has no number",
    ),
    ('no record', ['apply_corrections.py', '--undo', 'no.csv'], r"there is no file 'no\.csv'"),
    (
        'class map',
        ['detect.py', DIGITS, '--clip-only', '--class-map', 'no.csv'],
        r'^detect\.py: .*no\.csv',
    ),
)
def test_command_line(command, sentence, ends_with):
    ends_with(command, sentence)


@rows(
    ('nothing', ['train.py'], 'the following arguments are required: config'),
    ('no value', [*train(), '--cfg-options', 'foo'], "An override is KEY=VALUE, found 'foo'"),
    ('no launcher', [*train(), '--launcher', 'slrum'], "invalid choice: 'slrum'"),
    (
        'out item',
        ['test.py', DIGITS, 'x.pth', '--out-item', 'metrics'],
        'say where with --out FILE',
    ),
    (
        'no detector',
        ['detect.py', DIGITS],
        'give the CHECKPOINT of a trained detector, or --clip-o',
    ),
    ('detectors', ['detect.py', DIGITS, 'x.pth', '--clip-only'], 'or --clip-only without one'),
    ('grid', ['browse_dataset.py', DIGITS, '--grid', '3x'], 'ROWSxCOLS such as 4x8 is needed'),
    ('no samples', ['browse_dataset.py', DIGITS, '-n', '0'], 'a number from 1 on is needed'),
    ('nothing to compare', ['compare.py'], 'give configs or a plan to run'),
    ('seed', ['compare.py', DIGITS, '--seeds', 'one'], "invalid int value: 'one'"),
    ('top', ['predict.py', 'x.pth', 'x.png', '--top-k', '0'], '--top-k is 0: give 1 or more'),
    ('format', ['export.py', 'x.pth'], 'the following arguments are required: --to'),
    (
        'ending',
        ['export.py', 'x.pth', '--to', 'torchscript', '--out', 'x.onnx'],
        "--out 'x.onnx': give the name of a .pt file",
    ),
    (
        'detector as a checkpoint',
        ['export.py', 'x.pth', '--to', 'checkpoint', '--part', 'detector'],
        '--part detector is for graphs',
    ),
    ('no corrections', ['apply_corrections.py', 'x.csv'], 'give a SELECTION and CORRECTIONS, or'),
    ('yes', ['apply_corrections.py', 'a.csv', 'b.csv', '--yes'], '--yes belongs to --move'),
    ('nothing to review', ['review.py'], 'give a work directory, or --selection FILE'),
    ('pixels', ['review.py', 'run', '--thumb', '8'], '--thumb is 8: give 16 to 512 pixels'),
    ('no sample', ['review.py', 'run', '--limit', '0'], '--limit is 0: give 1 or more samples'),
    (
        'copy',
        ['export_selection.py', 'a.csv', '--to', 'cvat', '--out', 'b', '--copy'],
        '--copy belongs to --to hf',
    ),
    (
        'prefix',
        ['export_selection.py', 'a.csv', '--to', 'hf', '--out', 'b', '--image-prefix', 'x'],
        '--image-prefix belongs to --to labelstudio',
    ),
    (
        'format',
        ['export_selection.py', 'a.csv', '--to', 'coco', '--out', 'b'],
        'invalid choice: .coco',
    ),
    (
        'indices with a threshold',
        ['import_selection.py', 'a.py', '--kept', 'b.npy', '--threshold', '0.5', '--unique'],
        '--one-based and --unique are for indices, --threshold is for scores',
    ),
    ('misspelt', ['make_noise.py', DIGITS, '--plott', 'x'], 'unrecognized arguments: --plott'),
)
def test_usage(command, sentence, ends_with):
    ends_with(command, rf'^{command[0].replace(".", r"[.]")}: error: .*{sentence}')


def test_real_command_ends_with_the_sentence_and_has_the_traceback_in_the_log(folder):
    done = run_command(train('train_dataloader.dataset.noise.ratio=7'), folder)
    *_, line = done.stderr.splitlines()
    assert done.returncode == 2 and 'Traceback' not in done.stderr + done.stdout
    assert line == 'train.py: SymmetricNoise: `ratio` is a share in [0, 1], found 7.'
    assert len(done.stdout.splitlines()) < 10  # environment and config are in the log file
    (log,) = folder.glob('run/*/*.log')
    content = log.read_text()
    assert 'System environment:' in content and 'Config:\n' in content
    assert 'Traceback (most recent call last)' in content and content.rstrip().endswith('found 7.')


@pytest.mark.parametrize('tool', [path.name for path in TOOLS])
def test_ctrl_c_while_a_tool_is_importing(tool, folder):
    """The first import that takes long is where it comes."""
    (folder / 'numpy.py').write_text('import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n')
    done = run_command([tool, *COMPLETE[tool]], folder, f'{folder}{os.pathsep}{REPO}')
    assert (done.returncode, done.stdout, done.stderr) == (130, '', '\nInterrupted.\n')


def run_command(command, folder, path=REPO) -> subprocess.CompletedProcess:
    tool, *arguments = map(str, command)
    return subprocess.run(
        [sys.executable, REPO / 'tools' / tool, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': str(path)},
        # Whoever has started the tests may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
