"""Mistakes in the plan of a comparison, told before a run is made."""

import json

from mistakes.rows import DIGITS, PLAIN, rows


def plan(content, *options: str):
    """Compare with a plan; a text is written as it is."""

    def command(folder):
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / 'plan.yml').write_text(text)
        return ['compare.py', 'plan.yml', '--work-dir', 'runs', *options]

    return command


def of(**keys):
    return plan({'configs': {'CE': str(PLAIN)}, **keys})


@rows(
    ('no plan', ['compare.py', 'no.yml'], r"The plan 'no\.yml' does not exist"),
    ('no config', ['compare.py', 'no.py'], r'no\.py'),
    ('no YAML', plan('configs: [a'), r'plan\.yml'),
    ('code', plan('configs: !!python/object/apply:os.getcwd []'), r'plan\.yml'),
    ('no mapping', plan([1, 2]), r'plan\.yml'),
    ('no configs', plan({'seeds': [0]}), r'plan\.yml: there is no `configs`; a plan has the keys'),
    ('unknown key', of(sedes=[0]), r"plan\.yml: unknown key 'sedes'; a plan has the keys configs"),
    ('missing config', plan({'configs': ['no.py']}), r'no\.py'),
    ('seed', of(seeds=['one']), r'seed.*one'),
    ('no seed', of(seeds=[]), r'seeds'),
    ('type', of(overrides={'train_cfg.max_epochs': 'ten'}), r"train_cfg\.max_epochs='ten'"),
    ('class', of(overrides={'model.head.type': 'NoHead'}), r"model\.head\.type='NoHead'"),
    ('misspelt', of(overrides={'train_cfg.max_epoch': 1}), r"'train_cfg\.max_epochs'"),
    ('variant', of(variants={'x': {'train_cfg.max_epoch': 1}}), r"'train_cfg\.max_epochs'"),
    ('range', of(overrides={'train_dataloader.batch_size': 0}), r'train_dataloader\.batch_size=0'),
    ('jobs', [*['compare.py', PLAIN, '--jobs'], '0'], r'jobs is 0: give 1 or more'),
    ('gpus', ['compare.py', DIGITS, '--gpus', '0'], r'gpus is 0'),
    ('no folder', ['compare.py', '--table-only', 'no_folder'], r'no_folder'),
)
def test_plan(command, sentence, ends_with, folder):
    ends_with(command, rf'^compare\.py: .*{sentence}')
    assert not list(folder.glob('runs/*')) and not list(folder.glob('work_dirs/*'))
