"""Files that users give, as spreadsheets and other programs write them."""

import pytest

from deft_mm.user_file import lines_of, open_file, read_bytes, rows_of_csv


def rows(path, content: bytes, columns=('a', 'b')) -> list:
    path.write_bytes(content)
    return list(rows_of_csv(path, lambda names: columns))


def test_a_larger_file_is_not_opened(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'12345')
    assert read_bytes(path, most=5) == b'12345'
    with pytest.raises(ValueError, match='it has 5 bytes, and may have 4'):
        open_file(path, most=4)


def test_a_sparse_file_of_a_terabyte_is_refused_at_once(tmp_path):
    with open(tmp_path / 'file', 'wb') as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match='1,099,511,627,776 bytes'):
        next(lines_of(tmp_path / 'file'))


@pytest.mark.parametrize('end', [b'\n', b'\r\n', b'\r'])
@pytest.mark.parametrize('mark', [b'', b'\xef\xbb\xbf'])
def test_any_line_end_and_a_byte_order_mark_make_no_difference(tmp_path, end, mark):
    content = mark + end.join([b'a,b', b'1,"x, y"', b'', b'2,', b''])
    cells = [row for _, row in rows(tmp_path / 'file', content)]
    assert cells == [('1', 'x, y'), ('2', '')]


def test_columns_come_in_the_order_asked_for_and_others_are_ignored(tmp_path):
    found = rows(tmp_path / 'file', b'c, b, a\n1, 2, 3\n4, 5, 6\n')
    assert found == [(2, ('3', '2')), (3, ('6', '5'))]


def test_cells_that_a_spreadsheet_has_filled_up_are_ignored(tmp_path):
    found = rows(tmp_path / 'file', b'"# note: ""x""",,,\na,b,,\n1,2,,\n')
    assert found == [(3, ('1', '2'))]


def test_cells_are_unescaped_where_the_file_says_that_they_are_escaped(tmp_path):
    table = b"a,b\n'=x,bytes:%FF\n"
    assert rows(tmp_path / 'file', table) == [(2, ("'=x", 'bytes:%FF'))]
    assert rows(tmp_path / 'file', b'# escaped: true\n' + table) == [(3, ('=x', '\udcff'))]


def test_bytes_that_are_not_utf8_come_back_as_file_names_do(tmp_path):
    assert rows(tmp_path / 'file', b'a,b\n\xff,1\n') == [(2, ('\udcff', '1'))]


def test_a_line_break_in_quotes_is_part_of_the_cell(tmp_path):
    assert rows(tmp_path / 'file', b'a,b\n"1\n# 2",3\n') == [(3, ('1\n# 2', '3'))]
