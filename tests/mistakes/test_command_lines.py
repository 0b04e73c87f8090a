"""Mistakes of the command line and of files that it names."""

from mistakes.rows import DIGITS, rows, train


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
)
def test_command_line(command, sentence, ends_with):
    ends_with(command, sentence)
