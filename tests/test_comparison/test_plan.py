"""A plan names its runs, and each run gets what the plan says."""

import json

import pytest

from deft_mm.comparison import PlannedRun, is_plan, plan_runs, read_plan
from runner_utils import CONFIGS, REPO
from tests.test_comparison.comparison_utils import CONFIG, write_config

NOISE = 'train_dataloader.dataset.noise'
DIGITS_PLAN = REPO / 'configs' / 'compare' / 'digits.yml'


def by_name(runs: list[PlannedRun]) -> dict:
    return {run.name: run for run in runs}


def test_each_config_runs_in_each_variant_with_each_seed_and_the_first_seed_first(tmp_path):
    for method in ('ce', 'gce'):
        write_config(tmp_path / method, f'{method}_digits_sym40.py')
    variants = dict(sym20={NOISE: dict(ratio=0.2)}, sym40=None)
    plan = plan_runs(['*/*.py'], [3, 5], variants, folder=tmp_path)
    names = [run.name for run in plan]
    folders = [f'{m}_digits_sym40-{v}' for v in ('sym20', 'sym40') for m in ('ce', 'gce')]
    assert names == [f'{folder}/seed{seed}' for seed in (3, 5) for folder in folders]
    run = by_name(plan)['gce_digits_sym40-sym20/seed5']
    assert (run.setting.method, run.setting.noise_text, run.setting.variant) == (
        'gce',
        'sym 0.2',
        'sym20',
    )
    assert run.arguments == [f'{NOISE}.ratio=0.2', 'randomness.seed=5', f'{NOISE}.seed=5']
    assert run.cfg.randomness.seed == run.cfg.train_dataloader.dataset.noise.seed == 5


def test_without_variants_configs_run_as_they_are(tmp_path):
    config = write_config(tmp_path / 'ce')
    assert list(by_name(plan_runs([config]))) == ['ce_digits_sym40/seed0']


def test_noise_without_a_draw_gets_no_seed_and_a_seed_of_the_users_stays(tmp_path):
    noise = "type='SymmetricNoise', ratio=0.4, seed=0"
    human = write_config(
        tmp_path,
        'human.py',
        CONFIG.replace(noise, "type='HumanNoise', path='x', key='worse_label'"),
    )
    unset = write_config(tmp_path, 'unset.py', CONFIG.replace(', seed=0)))', ')))'))
    options = {NOISE: dict(seed=7)}
    runs = {
        'human': plan_runs([human], [1]),
        'unset': plan_runs([unset], [1]),
        'own': plan_runs([unset], [1], overrides=options),
    }
    noises = {k: plan[0].cfg.train_dataloader.dataset.noise for k, plan in runs.items()}
    assert 'seed' not in noises['human']
    assert noises['unset'].seed == 1 and noises['own'].seed == 7


def noises(path, **settings) -> list[tuple]:
    """Seed and file of the noise of the runs with the seeds 5 and 6."""
    datasets = [run.cfg.train_dataloader.dataset for run in plan_runs([path], [5, 6], **settings)]
    return [(dataset.noise.seed, dataset.get('noise_file')) for dataset in datasets]


def test_labels_of_a_noise_file_were_drawn_once_for_all_runs(tmp_path):
    text = CONFIG.replace('    noise=dict', "    noise_file='labels.npz', noise=dict")
    path = write_config(tmp_path, text=text.replace('ratio=0.4, seed=0', 'ratio=0.4, seed=1'))
    assert noises(path) == [(1, 'labels.npz')] * 2
    # labels of another noise are not in the file
    assert noises(path, overrides={NOISE: dict(ratio=0.2)}) == [(1, None)] * 2
    file = 'train_dataloader.dataset.noise_file'
    assert noises(path, overrides={NOISE: dict(ratio=0.2), file: 'x.npz'}) == [(1, 'x.npz')] * 2
    assert noises(path, overrides={file: None}) == [(5, None), (6, None)]


@pytest.mark.parametrize('method', ['deft', 'gce'])
def test_the_papers_instance_dependent_noise_keeps_its_seed(method):
    path = REPO / 'configs' / method / f'{method}_cifar100_idn40.py'
    assert noises(str(path)) == [(1, 'data/noise/cifar100_idn40.npz')] * 2
    assert noises(str(path).replace('idn40', 'sym40')) == [(5, None), (6, None)]


def test_seeds_apart_runs_of_a_setting_have_one_digest(tmp_path):
    config = write_config(tmp_path)
    one, two = plan_runs([config], [0, 1])
    (other,) = plan_runs([config], [0], overrides=dict(new=1))
    assert one.seedless_digest == two.seedless_digest != other.seedless_digest


def test_plan_file_names_methods_with_seeds_and_overrides_of_their_own(tmp_path):
    write_config(tmp_path / 'configs')
    (tmp_path / 'plan.yml').write_text(
        """
        configs:
          CE: configs/ce_digits_sym40.py
          CE + x: {config: configs/ce_digits_sym40.py, seeds: [4], overrides: {x.y: 2.5}}
        seeds: [0, 1]
        overrides: {z: 1, x.y: 0.5}
        """
    )
    assert is_plan(tmp_path / 'plan.yml')
    assert not is_plan(tmp_path / 'configs' / 'ce_digits_sym40.py')
    runs = by_name(read_plan(tmp_path / 'plan.yml', overrides=dict(z=2)))
    first, second = 'ce_digits_sym40-ce', 'ce_digits_sym40-ce-x'
    assert set(runs) == {f'{first}/seed0', f'{first}/seed1', f'{second}/seed4'}
    assert runs[f'{second}/seed4'].setting.method == 'CE + x'
    assert [(run.cfg.x.y, run.cfg.z) for run in runs.values()] == [(0.5, 2), (2.5, 2), (0.5, 2)]
    seeds = read_plan(tmp_path / 'plan.yml', seeds=[9])
    assert [run.seed for run in seeds] == [9, 9]


@pytest.mark.parametrize(
    ('text', 'error', 'match'),
    [
        ('configs: [no/*.py]', FileNotFoundError, r'no/\*\.py'),
        ('configs: ["*.py"]\nvariant: {}', ValueError, "unknown key 'variant'"),
        ('seeds: [0]', ValueError, 'no `configs`'),
        ('configs: ["*.py"]\nseeds: []', ValueError, 'seeds are'),
        ('configs: ["*.py"]\nvariants: {a/b: {}}', ValueError, 'a/b'),
        ('configs: ["*.py"]\nvariants: {}', ValueError, 'variants is empty'),
        ('configs: {A: "?.py"}', ValueError, 'one config, found 2'),
        ('configs: {A: {path: a.py}}', ValueError, "'A'.*'path'"),
        ('configs: [a.py, a.py]', ValueError, 'same folder, a-a/seed0'),
        ('configs: [a.py]\noverrides: {modell.head: 1}', ValueError, "'modell.head'.*'model'"),
        ('configs: [a.py]\nvariants: {v: {model.q?: 1}}', ValueError, "'v'.*has 'model.q'"),
        (
            'configs: [a.py]\nvariants: {v: {randomness.seed: 1}}',
            ValueError,
            'randomness.seed.*seeds',
        ),
        ('configs: {A: {config: a.py, overrides: {q?: 1}}}', ValueError, "'A'.*has 'q'"),
        ('configs: [a.py]\noverrides: {model.q?: 1}', ValueError, "overrides: .*'model.q'"),
        ('configs: [a.py]\nvariants: {v: {z: 1}, w: {z: 1}}', ValueError, "'v' and 'w'"),
        ('configs: [broken.py]', ValueError, r'broken\.py.*no_such_base\.py'),
        (
            'configs: [a.py]\nvariants: {v: {train_dataloader.dataset.nois.ratio: 1}}',
            ValueError,
            r"a\.py.*dataset\.nois\.ratio'.*dataset\.noise'",
        ),
        ('configs: [a.py', ValueError, r"plan\.yml' can't be read"),
        ('[a.py]', ValueError, r"plan\.yml' has no keys"),
        ('configs: 5', TypeError, r'plan\.yml: configs is 5: give the paths of configs'),
        ('configs: a.py', TypeError, r"plan\.yml: configs is 'a\.py'"),
        ('configs: [null]', TypeError, r'plan\.yml: configs is \[None\]'),
        ('configs: {A: {config: 5}}', TypeError, r"plan\.yml: configs\['A'\]\.config is 5: .*path"),
        ('configs: [{config: a.py, seeds: null}]', TypeError, r'configs\[0\]\.seeds is None'),
        ('configs: {A: {config: a.py, overrides: 5}}', TypeError, r'\.overrides is 5'),
        ('configs: {A: {config: a.py, 5: 6, x: 7}}', ValueError, r"\[5, 'config', 'x'\]"),
        ('configs: [a.py]\nseeds: null', TypeError, r'plan\.yml: seeds is None: give a number'),
        ('configs: [a.py]\nseeds: 1.5', TypeError, r'plan\.yml: seeds is 1\.5'),
        ('configs: [a.py]\nseeds: [1.5]', TypeError, r'plan\.yml: seeds is \[1\.5\]'),
        ('configs: [a.py]\nseeds: true', ValueError, r'found \[True\]'),
        ('configs: [a.py]\nvariants: [a]', TypeError, r"plan\.yml: variants is \['a'\]"),
        ('configs: [a.py]\nvariants: {v: 5}', TypeError, r"plan\.yml: variants is \{'v': 5\}"),
        ('configs: [a.py]\noverrides: 5', TypeError, r'plan\.yml: overrides is 5'),
        ('configs: [a.py]\nx: 1\n5: 6', ValueError, r'plan\.yml: unknown key 5'),
        ('configs: [a.py]\nseeds: 1\nseeds: 2', ValueError, r"plan\.yml.*'seeds' stands twice"),
        ('configs: [a.py]\noverrides: {z: 1, z: 2}', ValueError, "'z' stands twice"),
        ('configs: [a.py]\noverrides: &a {x: *a}', ValueError, r'plan\.yml.*alias'),
        (
            'configs: [a.py]\noverrides:\n  a0: &a0 {x: 1, y: 1}\n'
            + ''.join(f'  a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}\n' for i in range(1, 60)),
            ValueError,
            r'plan\.yml.*aliases stand for more than 1,000,000 values',
        ),
        ('configs:\n' + '- ' * 20_000, ValueError, r'plan\.yml.*nest'),
        ('configs: [a.py]\nseeds: 2026-13-45', ValueError, r'plan\.yml.*month'),
        ('configs: ["a\\0.py"]', ValueError, r"'a\\x00\.py': no path has a NUL"),
        ('configs: ["a\0.py"]', ValueError, r"plan\.yml' can't be read"),
    ],
)
def test_mistake_in_a_plan_is_named(tmp_path, text, error, match):
    for name in ('a.py', 'b.py'):
        write_config(tmp_path, name)
    write_config(tmp_path, 'broken.py', "_base_ = 'no_such_base.py'")
    (tmp_path / 'plan.yml').write_text(text)
    with pytest.raises(error, match=match):
        read_plan(tmp_path / 'plan.yml')


def test_key_that_is_meant_passes_and_reaches_the_run(tmp_path):
    config = write_config(tmp_path)
    (run,) = plan_runs([config], overrides={'+my_key': 1})
    assert run.cfg.my_key == 1 and '+my_key=1' in run.arguments


def test_plan_runs_no_code(tmp_path):
    plan = tmp_path / 'plan.yml'
    plan.write_text(f'configs: !!python/object/apply:os.mkdir [{tmp_path / "made"}]')
    with pytest.raises(ValueError, match=r"plan\.yml' can't be read.*python/object/apply"):
        read_plan(plan)
    assert not (tmp_path / 'made').exists()


def test_a_key_may_stand_again_where_it_is_merged_in(tmp_path):
    config = write_config(tmp_path)
    plan = tmp_path / 'plan.yml'
    plan.write_text(
        f'configs: [{config}]\nvariants:\n  v: &v {{z: 1, lr: 1}}\n  w: {{<<: *v, z: 2}}\n'
    )
    assert [(run.cfg.z, run.cfg.lr) for run in read_plan(plan)] == [(1, 1), (2, 1)]


def test_plan_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"The plan '.*none\.yml' does not exist"):
        read_plan(tmp_path / 'none.yml')


def test_plan_may_be_json(tmp_path):
    config = write_config(tmp_path)
    (tmp_path / 'plan.json').write_text(json.dumps(dict(configs=[config], seeds=[3])))
    assert [run.seed for run in read_plan(tmp_path / 'plan.json')] == [3]


def test_digits_plan_tells_each_method_the_noise_that_it_gets():
    runs = read_plan(DIGITS_PLAN)
    assert len(runs) == 5 * (4 * 5 + 5 * 3)
    noises = {run.setting.noise_text for run in runs}
    assert noises == {'sym 0.2', 'sym 0.4', 'sym 0.6', 'asym 0.4', 'idn 0.4'}
    for run in runs:
        assert run.cfg.train_dataloader.dataset.noise.seed == run.seed
        if run.setting.method == 'small-loss':
            ratio = run.cfg.train_dataloader.dataset.noise.ratio
            assert run.cfg.model.head.loss.noise_ratio == ratio
            assert run.cfg.default_hooks.noise_filter.selector.noise_ratio == ratio
        else:
            assert not any('noise_ratio' in argument for argument in run.arguments)


@pytest.mark.parametrize('path', sorted(DIGITS_PLAN.parent.glob('*.yml')), ids=lambda p: p.stem)
def test_plans_of_the_repo_have_runs_that_differ(path):
    runs = read_plan(path)
    settings = {(run.setting.method, run.setting.variant) for run in runs}
    assert len({run.seedless_digest for run in runs}) == len(settings) >= 9


def test_plans_are_no_configs_of_a_run():
    assert is_plan(DIGITS_PLAN) and not any('compare' in path.parts for path in CONFIGS)
