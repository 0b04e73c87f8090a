import pytest

from deft_mm.datasets import Animal10N, Clothing1M, Food101N, WebVision
from deft_mm.datasets.data_files import layout_of, read_labelled_paths


def test_the_layout_is_the_tree_of_the_docstring():
    lines = layout_of(Animal10N).splitlines()
    assert lines == [
        '    data/animal10n',
        '    ├── training',
        '    │   ├── 0_10.jpg',
        '    │   └── ...',
        '    └── testing',
        '        ├── 0_4.jpg',
        '        └── ...',
    ]
    assert all('├──' in layout_of(other) for other in (Clothing1M, WebVision, Food101N))


def test_a_class_without_docstring_has_a_layout_to_look_up():
    class Bare(Animal10N):
        __doc__ = None

    Bare.__doc__ = ''  # not None: that would show the docstring of its base class
    assert 'documentation of Bare' in layout_of(Bare)


def test_a_path_may_have_blanks_and_the_order_is_kept(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('b/x y.jpg 1\n\na.jpg\t0\n')
    assert read_labelled_paths(str(path), 2) == [('b/x y.jpg', 1), ('a.jpg', 0)]


@pytest.mark.parametrize('line', ['a.jpg', 'a.jpg 2', 'a.jpg -1', 'a.jpg cat', '1'])
def test_a_line_of_another_form_is_named(tmp_path, line):
    path = tmp_path / 'list.txt'
    path.write_text(f'b.jpg 1\n{line}\n')
    with pytest.raises(ValueError, match='list.txt, line 2') as caught:
        read_labelled_paths(str(path), 2)
    assert repr(line) in str(caught.value)
