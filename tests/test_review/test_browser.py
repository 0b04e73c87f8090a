"""The review page as people use it: in Chromium, from the disk, with the keyboard alone."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets import CorrectedLabels, ImageFolderDataset, given_labels_of, sample_table_of
from deft_mm.review import review_order, write_page
from deft_mm.selection import EXCLUDED, Fingerprint, SampleTable, read_selection, write_selection
from deft_mm.selection.neighbours import LookAlikes
from deft_mm.selection.sample_details import SampleDetails, details_file
from tool_utils import tool

expect = pytest.importorskip('playwright.sync_api', reason='playwright is not installed').expect

CLASSES = ['</script><b>bold', '=SUM(A1), "so"', 'zwei\nZeilen', "o'clock", 'plain']
NUMBER = 40
# Not UTF-8, markup, quotes and commas, a line's end, a formula.
NAMES = [b'\xff\xfe.png', b'<script>alert(1)<.png', b'a, "b".png', b'new\nline.png', b'=1+1.png']


@pytest.fixture
def dataset(tmp_path):
    """Images of which names and classes are hostile, by a list."""
    folder = tmp_path / 'images'
    folder.mkdir()
    lines = []
    for i in range(NUMBER):
        name = os.fsdecode(NAMES[i] if i < len(NAMES) else f'image {i:02d}.png'.encode())
        colours = np.random.RandomState(i).randint(0, 255, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(colours).save(folder / name)
        lines.append(json.dumps(dict(path=f'images/{name}', label=CLASSES[i % len(CLASSES)])))
    (tmp_path / 'list.jsonl').write_text('\n'.join(lines))
    return ImageFolderDataset(data_root=str(tmp_path / 'list.jsonl'), val_path='.')


def evidence(table: SampleTable) -> tuple[SampleTable, SampleDetails]:
    """A selection in which every other sample is rejected, sample 0 first, and what is known."""
    n, given = len(table), table.given_label
    num_classes = len(table.class_names)
    top = (given[:, None] + np.arange(1, min(num_classes, 6))) % num_classes
    score = np.arange(n) / n
    table = table.with_columns(
        clean_prob=score,
        pred_label=top[:, 0],
        pred_prob=np.full(n, 0.9),
        kept=np.arange(n) % 2 == 1,
        method='DualPromptSelector',
    )
    alike = LookAlikes(
        pairs=np.array([[2, 3]]),
        pair_distance=np.array([0.1]),
        outliers=np.array([4]),
        outlier_distance=np.array([9.0]),
        neighbours=(np.arange(n)[:, None] + np.arange(1, 6)) % n,
    )
    audit = dict(
        wrong_share=0.3,
        low=0.2,
        high=0.5,
        detector='fused',
        threshold=0.25,
        num_planted=50,
        systematic=[[0, 1]],
        precision=95.0,
        recall=90.0,
        f1=92.4,
    )
    details = SampleDetails(
        top_label=top,
        top_prob=np.full(top.shape, 0.2, dtype=np.float32),
        similarity=np.linspace(0.2, 0.4, n, dtype=np.float32),
        negative_similarity=np.linspace(0.4, 0.2, n, dtype=np.float32),
        look_alikes=alike,
        audit=audit,
    )
    return table, details


@pytest.fixture
def selection(dataset, tmp_path):
    path = tmp_path / 'selection.csv'
    table, details = evidence(sample_table_of(dataset))
    write_selection(path, table)
    details.write(details_file(path), table)
    return path


@pytest.fixture
def page_file(selection, monkeypatch):
    tool(monkeypatch, 'review.py', '--selection', selection, '--thumb', 32)
    return selection.parent / 'review' / 'index.html'


def download(page, path):
    with page.expect_download() as info:
        page.click('#download')
    info.value.save_as(path)
    return path


def test_keyboard_alone_leads_from_the_page_to_a_training(
    open_page, page_file, selection, dataset, tmp_path, monkeypatch
):
    page = open_page(page_file)
    page.fill('#reviewer', 'ann, "the" first')
    page.focus('#grid')
    page.keyboard.press('Enter')  # sample 0: the suggestion
    page.keyboard.press('k')  # 2
    page.keyboard.press('x')  # 4
    page.keyboard.press('c')  # 6
    page.keyboard.type('zwei')
    page.keyboard.press('Enter')
    page.keyboard.press('Shift+ArrowRight')  # 8 and 10
    page.keyboard.press('a')
    page.keyboard.press('k')  # 12, and back
    page.keyboard.press('Control+z')
    file = download(page, tmp_path / 'corrections.csv')

    tool(monkeypatch, 'apply_corrections.py', selection, file)
    reviewed = read_selection(tmp_path / 'reviewed.csv')
    given = reviewed.given_label
    suggested = {idx: (given[idx] + 1) % len(CLASSES) for idx in (0, 8, 10)}
    two_lines = reviewed.class_names.index('zwei\nZeilen')
    expected = suggested | {2: given[2], 4: EXCLUDED, 6: two_lines}
    decided = np.flatnonzero(reviewed.decided)
    assert {idx: reviewed.corrected_label[idx] for idx in decided} == expected
    # They are what is trained on.
    wrapped = CorrectedLabels(dataset, corrections=str(file))
    labels = [label for idx, label in expected.items() if idx != 4]
    rows = [idx - (idx > 4) for idx in expected if idx != 4]
    assert len(wrapped) == NUMBER - 1 and given_labels_of(wrapped)[rows].tolist() == labels


def test_decisions_survive_a_reload_another_tab_and_a_second_page(
    open_page, page_file, selection, monkeypatch
):
    page = open_page(page_file)
    page.focus('#grid')
    for key in 'akx':
        page.keyboard.press(key)
    rate = page.inner_text('#rate')
    assert rate.startswith('Decided 3 of 20 doubtful samples') and '1 of 2 labels' in rate
    page.reload()
    page.wait_for_selector('body[data-ready]')
    assert page.inner_text('#rate') == rate
    other = open_page(page_file, context=page.context)
    assert other.inner_text('#rate') == rate
    other.focus('#grid')
    other.keyboard.press('End')
    other.keyboard.press('k')
    expect(page.locator('#rate')).to_contain_text('Decided 4 of 20')
    # The page is made anew, of fewer samples and elsewhere.
    again = selection.parent / 'again'
    tool(monkeypatch, 'review.py', '--selection', selection, '--out', again, '--limit', 5)
    later = open_page(again / 'index.html', context=page.context)
    assert later.inner_text('#rate').startswith('Decided 3 of 5')
    # Nothing is lost: the decision on a sample that is not on this page is in the file, too.
    text = download(later, selection.parent / 'later.csv').read_text()
    assert len(re.findall(',keep,', text)) == 2 and '# escaped: true' in text


def test_a_file_is_loaded_again_and_those_of_others_are_refused(open_page, page_file, tmp_path):
    page = open_page(page_file)
    page.focus('#grid')
    page.keyboard.press('Shift+End')
    page.keyboard.press('x')
    file = download(page, tmp_path / 'corrections.csv')
    fresh = open_page(page_file)
    fresh.set_input_files('#load', file)
    expect(fresh.locator('#message')).to_contain_text('20 of the 20 decisions')
    assert fresh.inner_text('#rate').startswith('Decided 20 of 20')
    assert download(fresh, tmp_path / 'again.csv').read_bytes() == file.read_bytes()

    text = file.read_text()
    for change, told in (
        (lambda t: t.replace('"num_samples":40', '"num_samples":41'), 'belongs to other data'),
        (lambda t: t.replace(',exclude,', ',destroy,', 1), 'the action destroy is none of'),
        (lambda t: t.replace('reviewer,time', 'time'), 'lacks the columns reviewer'),
        (lambda t: re.sub(r'(?m)^0,', '999,', t), 'there is no sample 999'),
        (lambda t: 'path,label\na,b\n', 'no corrections.csv of deft_mm'),
        (lambda t: t.replace('# classes: [', '# classes: [['), 'is not "# key: JSON"'),
    ):
        changed = tmp_path / 'changed.csv'
        changed.write_text(change(text))
        assert changed.read_text() != text
        fresh.set_input_files('#load', changed)
        expect(fresh.locator('#message')).to_contain_text(told)
        assert fresh.inner_text('#rate').startswith('Decided 20 of 20')


def test_names_are_shown_as_they_are_and_run_nothing(open_page, page_file):
    page = open_page(page_file)
    page.select_option('#view', 'all')
    text = page.inner_text('#grid')
    assert '</script><b>bold' in text and '=SUM(A1), "so"' in text and 'zwei\\u000aZeilen' in text
    assert page.locator('#grid b').count() == 0
    # Rejected ones come first, by their score.
    page.focus('#grid')
    for key, name in (('Home', '\\udcff\\udcfe.png'), ('ArrowRight', 'a, "b".png')):
        page.keyboard.press(key)
        assert name in page.inner_text('#detail')
    page.keyboard.press('End')
    for _ in range(18):
        page.keyboard.press('ArrowLeft')
    assert 'new\\u000aline.png' in page.inner_text('#detail')
    # The original is shown, whatever it is called.
    page.keyboard.press('Home')
    expect(page.locator('#detail img')).to_have_js_property('naturalWidth', 30)


def test_views_and_filters_show_what_they_say(open_page, page_file):
    page = open_page(page_file)
    shown = {}
    for view in ('rejected', 'kept', 'duplicates', 'outliers', 'all', 'decided'):
        page.select_option('#view', view)
        shown[view] = page.inner_text('#message')
    counts = {view: int(text.split()[0]) for view, text in shown.items()}
    assert counts == dict(rejected=20, kept=20, duplicates=2, outliers=1, all=40, decided=0)
    page.select_option('#view', 'rejected')
    page.click('summary')
    # The matrix: a click shows this pair alone.
    page.locator('#matrix button').first.click()
    assert (
        page.inner_text('#message').split()[0] == page.locator('#matrix button').first.inner_text()
    )
    assert 'positive prompt' in page.inner_text('#prompts')
    assert page.locator('#nearest button').count() == 12
    page.locator('#bars button').first.click()
    page.fill('#given', '')
    page.press('#given', 'Enter')
    assert page.inner_text('#message').startswith('20 samples')
    assert '30% (20% to 50%)' in page.inner_text('#audit')
    # A neighbour is one click away.
    page.locator('.neighbours button').first.click()
    assert page.inner_text('#detail .state') in ('kept', 'rejected')


@pytest.mark.parametrize('width', [400, 1400])
def test_accessible_at_every_width(open_page, page_file, width):
    axe = pytest.importorskip('axe_playwright_python.sync_playwright')
    page = open_page(page_file, width=width)
    page.click('summary')
    results = axe.Axe().run(page)
    serious = [
        f'{found["id"]}: {found["nodes"][0]["html"]}'
        for found in results.response['violations']
        if found['impact'] in ('serious', 'critical')
    ]
    assert not serious
    assert page.evaluate('document.documentElement.scrollWidth') <= width


class Patches:
    """Images of one colour, in place of files."""

    def __init__(self, number: int) -> None:
        self.paths = [''] * number

    def image(self, idx: int) -> np.ndarray:
        return np.full((8, 8, 3), idx % 256, dtype=np.uint8)


def test_fifty_thousand_samples_are_there_soon_and_few_elements(open_page, tmp_path):
    n, names = 50_000, [f'class {i}' for i in range(1000)]
    labels = np.arange(n) % len(names)
    table = SampleTable(
        Fingerprint.from_parts(names, labels, map(str, range(n))), names, [''] * n, labels
    )
    table, details = evidence(table)
    path = write_page(tmp_path, table, details, review_order(table), Patches(n), 'many', thumb=16)
    assert len(list((tmp_path / 'sheets').iterdir())) == -(-n // 256)
    page = open_page(path)  # within 10 s
    assert page.locator('*').count() < 1000
    page.select_option('#view', 'all')
    page.focus('#grid')
    page.keyboard.press('End')
    assert page.locator('.tile.current').count() == 1
    assert page.locator('.tile.current').get_attribute('aria-posinset') == str(n)
    page.keyboard.press('k')
    assert page.locator('*').count() < 1000


def test_one_file_has_everything_in_it(open_page, selection, tmp_path, monkeypatch):
    out = tmp_path / 'single'
    tool(monkeypatch, 'review.py', '--selection', selection, '--out', out, '--single-file')
    assert [path.name for path in out.iterdir() if path.name[0] != '.'] == ['index.html']
    moved = tmp_path / 'moved.html'
    (out / 'index.html').rename(moved)
    page = open_page(moved)
    image = page.locator('.tile .thumb').first.evaluate('e => e.style.backgroundImage')
    assert image.startswith('url("data:image/jpeg')
