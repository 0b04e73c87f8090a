"""Lists of kept samples in all forms that others' code leaves, and what is wrong with some."""

import json

import numpy as np
import pytest
import torch

from deft_mm.selection.exchange import read_kept

KEPT = [1, 2, 5, 7]
MASK = np.isin(np.arange(8), KEPT)


def written(folder, name, content):
    path = folder / name
    if path.suffix == '.npy':
        np.save(path, content)
    elif path.suffix == '.npz':
        np.savez(path, **content)
    elif path.suffix == '.json':
        path.write_text(json.dumps(content))
    else:
        path.write_text(content)
    return path


FORMS = {
    'indices.npy': np.array([5, 1, 7, 2]),
    'column.npy': np.array([[5], [1], [7], [2]], dtype=np.uint16),
    'floats.npy': np.array([5.0, 1.0, 7.0, 2.0]),
    'mask.npy': MASK,
    'numbers.npy': MASK.astype(np.int64),
    'one.npz': dict(index=np.array(KEPT)),
    'indices.json': KEPT,
    'mask.json': MASK.tolist(),
    'key.json': dict(clean=KEPT),
    'lines.txt': '# kept\n1\n2\n\n5\n7\n',
    'savetxt.txt': '1.000000000000000000e+00\n2.0e+00\n5e0\n7.0\n',
    'printed.txt': '[1, 2,\n 5, 7]\n',
    'words.txt': '\n'.join(map(str, MASK)),
    'header.csv': 'index\n1\n2\n5\n7\n',
    'row.csv': '1,2,5,7\n',
}


@pytest.mark.parametrize('name', FORMS)
def test_all_forms_are_read_as_the_same_samples(tmp_path, name):
    kept, score = read_kept(written(tmp_path, name, FORMS[name]), 8)
    np.testing.assert_array_equal(kept, MASK)
    assert kept.dtype == bool and score is None


@pytest.mark.parametrize('name', ['prob.npy', 'prob.json', 'prob.txt', 'prob.csv'])
def test_scores_keep_what_is_above_the_threshold(tmp_path, name):
    prob = np.where(MASK, 0.75, 0.5)
    text = 'index,prob\n' + ''.join(f'{i},{p}\n' for i, p in enumerate(prob))
    contents = dict(npy=prob, json=prob.tolist(), txt=' '.join(map(str, prob)), csv=text)
    path = written(tmp_path, name, contents[name.split('.')[1]])
    kept, score = read_kept(path, 8, threshold=0.5, name='prob' if name == 'prob.csv' else None)
    np.testing.assert_array_equal(kept, MASK)
    np.testing.assert_array_equal(score, prob)


def test_what_is_doubled_or_counted_from_one_is_taken_on_demand(tmp_path):
    path = written(tmp_path, 'x.npy', np.array([*KEPT, 1, 5]))
    np.testing.assert_array_equal(read_kept(path, 8, unique=True)[0], MASK)
    path = written(tmp_path, 'y.npy', np.array(KEPT) + 1)
    np.testing.assert_array_equal(read_kept(path, 8, one_based=True)[0], MASK)
    path = written(tmp_path, 'z.npz', dict(net1=np.array(KEPT), net2=np.array([0])))
    np.testing.assert_array_equal(read_kept(path, 8, name='net1')[0], MASK)


@pytest.mark.parametrize(
    ('name', 'content', 'options', 'match'),
    [
        ('x.npy', np.array([0, 8]), {}, r"x\.npy': 1 of 2 indices \(8\) .* 8 samples, 0 to 7"),
        ('x.npy', np.array([-1, 3]), {}, r'\(-1\) are none of'),
        ('x.npy', np.array([1, 4, 8]), {}, 'seem to be counted from 1, which --one-based takes'),
        ('x.npy', np.array([0, 3]), dict(one_based=True), r'\(0\) are none of .* 1 to 8'),
        ('x.npy', np.array([0, 3, 0, 0]), {}, '0 of them 3 times.*zeros.*UNICON.*--unique'),
        ('x.npy', np.array([1, 3, 3]), {}, '1 indices stand there several times, 3 of them 2'),
        ('x.npy', MASK[:5], {}, 'yes or no of 5 samples, and the data set has 8'),
        ('x.npy', np.array([0.3, 0.8]), {}, r'scores \(0\.3, 0\.8\).*with --threshold'),
        ('x.npy', np.array(KEPT), dict(threshold=0.5), 'there are 4 values for 8 samples'),
        ('x.npy', np.array([]), {}, 'it has no number'),
        ('x.npy', np.eye(3), {}, r'an array of shape \(3, 3\)'),
        ('x.npy', np.array([np.nan, 1]), {}, 'value 0 is nan'),
        ('x.npy', np.array(['a']), {}, 'not numbers'),
        ('x.npy', np.array([1e30, 1]), {}, 'are none of'),
        ('x.npy', np.array([[1], [2, 3]], dtype=object), {}, r'pickled, .*numpy\.save'),
        ('x.npz', dict(a=np.ones(1), b=np.ones(1)), {}, "arrays 'a', 'b': choose one with --name"),
        ('x.npz', dict(a=np.ones(1)), dict(name='c'), "no 'c' among the arrays 'a'"),
        ('x.npy', np.zeros(200_000), {}, 'unpacks to 1,600,000 bytes'),
        ('x.json', [], {}, 'it has no number'),
        ('x.json', [1, None], {}, "'None', which is not a number"),
        ('x.json', [1, True], {}, 'mixes numbers with true'),
        ('x.json', [2**70], {}, 'beyond|not numbers'),
        ('x.json', 5, {}, 'holds a int'),
        ('x.txt', '', {}, 'it has no number'),
        ('x.txt', '1\ntwo\n', {}, "'two' is not a number"),
        ('x.csv', 'a,b\n1,2\n3\n', dict(name='a'), 'line 3 has not as many cells'),
        ('x.csv', 'a,b\n1,2\n', {}, "columns 'a', 'b': choose one with --name"),
        ('x.dat', '1', {}, r'\.dat is none of \.txt'),
    ],
)
def test_what_is_wrong_is_told(tmp_path, name, content, options, match):
    path = written(tmp_path, name, content)
    with pytest.raises(ValueError, match=match):
        read_kept(path, 8, **options)


def test_pickled_files_are_refused_with_what_converts_them(tmp_path):
    path = tmp_path / 'clean_idx.pt'
    torch.save(torch.arange(3), path)
    with pytest.raises(ValueError, match=r'\.pt file is pickled.*numpy\.save.*cpu\(\)\.numpy'):
        read_kept(path, 8)
    # By whatever name: a .npy that is none.
    with pytest.raises(ValueError, match='it cannot be read'):
        read_kept(path.rename(tmp_path / 'x.npy'), 8)
