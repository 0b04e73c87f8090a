"""What is read or drawn once for all processes of a run."""

import json

import pytest
from process_utils import in_processes
from two_process_utils import read_in_process

from deft_mm.datasets import ImageFolderDataset
from miniatures import folder


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('two')
    for name in ('images', 'images of 0', 'images of 1'):
        folder.make(root / name)
    with (root / 'images of 1/cat/000.jpg').open('ab') as file:
        file.write(b'more')
    return root


@pytest.fixture(scope='module')
def found(root):
    """What each process notes."""
    in_processes(read_in_process, str(root))
    return [json.loads((root / f'{rank}.json').read_text()) for rank in range(2)]


def test_the_main_process_alone_decodes_and_all_have_its_outcome(found, root):
    main, other = (process['folder'] for process in found)
    # Of 29 files, one is empty and one is no image: that is seen before.
    assert main.pop('decoded') == 27 and other.pop('decoded') == 0
    assert main == other
    alone = ImageFolderDataset(str(root / 'images'))
    assert main['problems'] == [str(problem) for problem in alone.report.problems]
    assert main['paths'] == [alone.get_data_info(idx)['img_path'] for idx in range(len(alone))]


def test_noise_is_drawn_once_and_is_the_same_everywhere(found):
    assert [process['draws'] for process in found] == [1, 0]
    assert found[0]['labels'] == found[1]['labels']


def test_other_files_are_an_error_in_every_process(found):
    for process in found:
        assert process['other_files'].startswith('ValueError: Process 1 found other images')


def test_what_the_main_process_fails_at_fails_everywhere(found):
    sentence = '_UnpicklableError: no such thing in process 0'
    assert found[0]['failure'] == sentence
    assert found[1]['failure'] == f'RuntimeError: The main process failed: {sentence}'
    assert [process['result'] for process in found] == [0, 0]  # and it goes on
