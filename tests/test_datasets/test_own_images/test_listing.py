"""Folders with links in them are listed once, in a fixed order."""

import os

from deft_mm.datasets.own_images import list_images


def make(root, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root) -> list[tuple[str, str]]:
    return [(os.path.relpath(path, root), label) for path, label in list_images(root).images]


def test_files_of_a_folder_come_before_those_below_it(tmp_path):
    make(tmp_path, 'a/z.png', 'a/b/c/1.png', 'a/b/2.png', 'a/10.png', 'b/1.png')
    names = ['a/10.png', 'a/z.png', 'a/b/2.png', 'a/b/c/1.png', 'b/1.png']
    assert [name for name, _ in listed(tmp_path)] == names


def test_a_link_leads_to_a_folder_once_in_a_class(tmp_path):
    make(tmp_path / 'store', '1.png', 'deep/2.png')
    make(tmp_path / 'data', 'a/0.png', 'b/0.png')
    for link in ('a/x', 'a/y', 'b/x'):
        (tmp_path / 'data' / link).symlink_to(tmp_path / 'store')
    (tmp_path / 'store/deep/up').symlink_to(tmp_path / 'store')
    found = [(name, label) for name, label in listed(tmp_path / 'data') if label == 'a']
    assert found == [('a/0.png', 'a'), ('a/x/1.png', 'a'), ('a/x/deep/2.png', 'a')]
    told = [problem.path for problem in list_images(tmp_path / 'data').problems]
    assert sorted(os.path.relpath(path, tmp_path / 'data') for path in told) == [
        'a/x/deep/up',
        'a/y',
        'b/x/deep/up',
    ]


def test_many_links_to_one_another_take_no_time(tmp_path):
    make(tmp_path, 'a/0.png', 'b/0.png')
    for i in range(30):
        (tmp_path / f'store/{i}').mkdir(parents=True)
        for j in range(30):
            # 30 ways on from each of 30 folders: more paths than there is time for.
            (tmp_path / f'store/{i}/{j}').symlink_to(tmp_path / f'store/{j}')
    (tmp_path / 'a/x').symlink_to(tmp_path / 'store')
    assert len(listed(tmp_path)) == 2
