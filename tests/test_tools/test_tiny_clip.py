"""The built-in CLIPs, and the script that makes them."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from deft_mm.models.clip.clip_spec import BUILT_IN
from tools.tiny_clip import pretrain
from tools.tiny_clip.bpe import BASE_SYMBOLS, HEADER, learn_merges, vocabulary_bytes
from tools.tiny_clip.captions import caption_corpus, write_caption
from tools.tiny_clip.concepts import CONCEPTS, concept_probabilities
from tools.tiny_clip.drawing import draw, draw_pool
from tools.tiny_clip.evaluation import held_out_accuracy
from tools.tiny_clip.folder import (
    VOCABULARY_NAME,
    build_config,
    build_model,
    build_tokenizer,
    load_folder,
)
from tools.tiny_clip.fonts import HELD_OUT_FONTS, TRAIN_FONTS, font_path
from tools.tiny_clip.training import (
    Recipe,
    encode_captions,
    learning_rate,
    multi_positive_loss,
)

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'tools' / 'tiny_clip'
ASSETS = ROOT / 'deft_mm' / 'assets'
SHIPPED = ASSETS / 'tiny_clip'
SMALL = ['--steps', '3', '--batch', '8', '--pool', '40', '--held-out', '30']


@pytest.fixture
def script(monkeypatch):
    """The script as a module; what it sets for the whole process is put back."""
    monkeypatch.setattr(pretrain, 'keep_freed_memory', lambda: None)
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield pretrain
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture(scope='module', params=['tiny_clip', 'tiny_clip_weak'])
def shipped(request):
    """Folder, model and tokenizer of each of the shipped CLIPs."""
    return ASSETS / request.param, *load_folder(ASSETS / request.param)


def test_drawing_depends_on_nothing_but_the_seed():
    first, again, other = draw_pool(60, 3), draw_pool(60, 3), draw_pool(60, 4)
    assert first.images.shape == (60, 32, 32)
    assert first.images.dtype == np.uint8
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.images != other.images).any()


def test_held_out_drawings_use_fonts_of_their_own():
    assert not set(HELD_OUT_FONTS) & set(TRAIN_FONTS)
    assert all(font_path(name).is_file() for name in HELD_OUT_FONTS + TRAIN_FONTS)
    assert (draw_pool(60, 3).images != draw_pool(60, 3, held_out=True).images).any()


def test_an_unknown_font_and_an_empty_pool_are_refused():
    with pytest.raises(FileNotFoundError, match='install a version'):
        font_path('NoSuchFont')
    with pytest.raises(ValueError, match='at least one drawing'):
        draw_pool(0, 0)


def test_every_concept_can_be_drawn_and_named():
    assert sum(concept_probabilities()) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    for concept in CONCEPTS:
        assert draw(concept, rng, held_out=False).max() == 255
        assert draw(concept, rng, held_out=True).max() == 255
        assert re.search(
            rf'\b{re.escape(concept.symbol)}\b|{concept.name}', write_caption(concept, rng)
        )


def test_training_code_never_imports_sklearn():
    """Only the report may, and nothing but its flag may import the report."""
    for source in sorted(SCRIPT.glob('*.py')):
        tree = ast.parse(source.read_text(encoding='utf-8'))
        imported = [
            name
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or '', *(alias.name for alias in node.names)]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        ]
        if source.name != 'digits_report.py':
            assert not any('sklearn' in name or 'load_digits' in name for name in imported), source
        if source.name != 'pretrain.py':
            assert not any('digits_report' in name for name in imported), source


def test_merges_are_learned_by_frequency():
    assert learn_merges(['Aab aab aaab'], 2) == [('a', 'a'), ('aa', 'b</w>')]
    with pytest.raises(ValueError, match='ask for fewer'):
        learn_merges(['ab'], 5)
    with pytest.raises(ValueError, match='ASCII'):
        learn_merges(['é'], 1)


def test_vocabulary_round_trips_through_open_clip(tmp_path):
    merges = learn_merges(['a photo of a seven', 'seven photos'], 9)
    content = vocabulary_bytes(merges)
    assert content == vocabulary_bytes(merges)
    text = gzip.decompress(content).decode()
    assert text.startswith(HEADER + '\n')
    assert not text.endswith('\n')
    (tmp_path / 'vocabulary.txt.gz').write_bytes(content)
    tokenizer = build_tokenizer(tmp_path / 'vocabulary.txt.gz')
    assert list(tokenizer.bpe_ranks) == merges
    assert tokenizer.vocab_size == BASE_SYMBOLS + len(merges)
    decoded = tokenizer.decode(tokenizer.encode('a photo of Zürich, never seen, and 42'))
    assert ' '.join(decoded.split()) == 'a photo of zürich , never seen , and 4 2'


def test_trimmed_captions_encode_as_full_ones():
    tokenizer = build_tokenizer(SHIPPED / VOCABULARY_NAME)
    torch.manual_seed(0)
    model = build_model(tokenizer.vocab_size).eval()
    tokens = tokenizer(['a photo of a seven.', 'the of and to in is that it was letter g.'])
    with torch.no_grad():
        full = model.encode_text(tokens, normalize=True)
        torch.testing.assert_close(encode_captions(model, tokens), full, atol=1e-5, rtol=1e-4)


def test_loss_is_least_when_concepts_match():
    images, texts = torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1])
    match = (images[:, None] == texts[None]).float()
    good = multi_positive_loss(50 * match, images, texts)
    # Two positives share a row or column, so its entropy log 2 is the floor.
    assert good.item() == pytest.approx(np.log(2) / 3, abs=1e-4)
    assert multi_positive_loss(-50 * match, images, texts) > good


def test_shipped_folder_is_complete_and_consistent(shipped):
    folder, model, tokenizer = shipped
    config = json.loads((folder / 'open_clip_config.json').read_text(encoding='utf-8'))
    record = json.loads((folder / 'training_record.json').read_text(encoding='utf-8'))
    weights = (folder / 'open_clip_model.safetensors').read_bytes()
    assert config == build_config(tokenizer.vocab_size)
    assert config['model_cfg']['text_cfg']['vocab_size'] == tokenizer.vocab_size
    assert hashlib.sha256(weights).hexdigest() == record['weights_sha256']
    assert record['weights_sha256'] in (folder / 'README.md').read_text(encoding='utf-8')
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3.5e6
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_shipped_vocabulary_is_the_one_the_script_learns(shipped):
    learned = vocabulary_bytes(learn_merges(caption_corpus(pretrain.SEED), pretrain.MERGES))
    vocabulary = (shipped[0] / 'bpe_vocab.txt.gz').read_bytes()
    assert gzip.decompress(vocabulary) == gzip.decompress(learned)


def test_forgetting_the_absolute_vocabulary_path_is_an_error(tmp_path, monkeypatch):
    import open_clip

    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_clip.get_tokenizer(f'local-dir:{SHIPPED}')
    tokenizer = open_clip.get_tokenizer(
        f'local-dir:{SHIPPED}', bpe_path=str(SHIPPED / 'bpe_vocab.txt.gz')
    )
    assert tokenizer.vocab_size < 1000


def test_shipped_models_know_held_out_drawings_as_their_names_say():
    drawings = draw_pool(600, seed=1234, held_out=True)
    good, weak = (
        held_out_accuracy(*load_folder(BUILT_IN[name]), drawings) for name in ('tiny', 'tiny-weak')
    )
    # Chance is 0.1 for a digit, 0.02 for all names.
    assert good['digit'] > 0.9 > weak['digit'] > 0.5
    assert good['all'] > 0.75 > weak['all'] > 0.3


def test_record_of_the_built_in_clip_is_of_a_run_that_the_rule_ended():
    record = json.loads((SHIPPED / pretrain.RECORD_NAME).read_text(encoding='utf-8'))
    curve = {int(step): value for step, value in record['held_out_accuracy_by_step'].items()}
    assert sorted(curve) == list(range(pretrain.STRIDE, record['steps'] + 1, pretrain.STRIDE))
    begin = record['steps'] - pretrain.COOL_DOWN
    before = {step: value for step, value in curve.items() if step < begin}
    assert not pretrain.has_plateaued(before)
    ended_by_plateau = pretrain.has_plateaued(before | {begin: curve[begin]})
    assert ended_by_plateau or record['steps'] == pretrain.STEPS


def test_missing_files_are_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='open_clip_config.json; make the folder with `python -m tools'
    ):
        load_folder(tmp_path)


def test_script_gives_a_loadable_folder_and_the_same_one_again(script, tmp_path):
    for name in ('first', 'again'):
        script.main(['--out', str(tmp_path / name), *SMALL])
    names = sorted(path.name for path in (tmp_path / 'first').iterdir())
    assert names == sorted(
        [
            'bpe_vocab.txt.gz',
            'open_clip_config.json',
            'open_clip_model.safetensors',
            'training_record.json',
        ]
    )
    for name in names[:-1]:
        assert (tmp_path / 'first' / name).read_bytes() == (tmp_path / 'again' / name).read_bytes()
    model, tokenizer = load_folder(tmp_path / 'first')
    assert model.encode_image(torch.zeros(1, 3, 32, 32)).shape == (1, 64)
    assert model.encode_text(tokenizer('a photo of a seven.')).shape == (1, 64)


def test_plateau_is_where_nothing_has_risen_for_the_stated_steps(script):
    rising = {50: 0.1, 100: 0.3, 150: 0.2, 200: 0.3, 250: 0.25}
    assert not script.has_plateaued(rising)
    assert script.has_plateaued(rising | {300: 0.3})  # an equal figure is no rise
    assert not script.has_plateaued(rising | {300: 0.31})


def test_rate_is_constant_until_the_cool_down_and_zero_after_it():
    recipe = Recipe(steps=1000, cool_down=99)
    rates = np.array([learning_rate(step, 600, recipe) for step in range(601)])
    np.testing.assert_allclose(rates[[0, 24, 49]], recipe.learning_rate * np.array([0.02, 0.5, 1]))
    np.testing.assert_allclose(rates[49:501], recipe.learning_rate)
    np.testing.assert_allclose(np.diff(rates[500:]), -recipe.learning_rate / 100)
    assert rates[600] == pytest.approx(0.0)


def test_training_ends_one_cool_down_after_the_plateau(script, tmp_path, monkeypatch, capsys):
    figures = iter([0.1, 0.2, 0.2, 0.1, 0.9, 0.9])
    monkeypatch.setattr(script, 'STRIDE', 2)
    monkeypatch.setattr(script, 'PATIENCE', 4)
    monkeypatch.setattr(script, 'COOL_DOWN', 3)
    monkeypatch.setattr(script, 'held_out_accuracy', lambda *_: {'all': next(figures)})
    script.main(['--out', str(tmp_path), *SMALL, '--steps', '50'])
    record = json.loads((tmp_path / script.RECORD_NAME).read_text(encoding='utf-8'))
    assert record['steps'] == 11  # best at 4, given up at 8
    assert record['held_out_accuracy_by_step'] == {
        '2': 0.1,
        '4': 0.2,
        '6': 0.2,
        '8': 0.1,
        '10': 0.9,
    }
    assert (
        len(re.findall(r'^step +\d+ .* held out: all 0\.\d+', capsys.readouterr().out, re.M)) == 5
    )


def test_bad_options_are_refused(script, capsys):
    for arguments in (['--out', 'x', '--steps', '0'], ['--out', 'x', '--seed', '-1'], []):
        with pytest.raises(SystemExit):
            script.parse_arguments(arguments)
    assert '--steps must be at least 1' in capsys.readouterr().err
