"""Reading of tables: headers, separators, packed files, standard input, Parquet, wide tables."""
import gzip
import io
import sys
import time

import numpy as np
import pytest

from fastnet.data import TablePreparation, columns, read_blocks, read_cells, read_columns, read_table, split_target


def lists(cells):
    return {name: column.tolist() for name, column in cells.items()}


# ---- headers --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("header", "names", "notes"), [
    ("a,a", ["a", "a.2"], ["column 2 is renamed 'a.2': an earlier column is called 'a'"]),
    ("a, a ,a", ["a", "a.2", "a.3"], ["column 2 is renamed 'a.2': an earlier column is called 'a'",
                                      "column 3 is renamed 'a.3': an earlier column is called 'a'"]),
    ("a,a.2,a", ["a", "a.2", "a.3"], ["column 3 is renamed 'a.3': an earlier column is called 'a'"]),
    ("a,a,a.2", ["a", "a.3", "a.2"], ["column 2 is renamed 'a.3': an earlier column is called 'a'"]),
    ("e\u0301,\u00e9", ["é", "é.2"], ["column 2 is renamed 'é.2': an earlier column is called 'é'"]),
    ("self,a b,class", ["self", "a b", "class"], [])])
def test_names(written, header, names, notes):
    path = written(f"{header}\n{','.join('123'[:len(names)])}\n")
    cells = read_cells(path)
    assert list(cells) == names and cells.notes == notes
    if notes:
        with pytest.warns(UserWarning, match="is called"):
            assert list(columns(read_table(path))) == names


@pytest.mark.parametrize(("text", "cells", "lines"), [
    ("sep=;\na;b\n1;2\n", {"a": ["1"], "b": ["2"]}, [3]), ("SEP=\t\r\na\tb\r\n1\t2\r\n", {"a": ["1"], "b": ["2"]}, [3]),
    ('"sep=;"\r\na;b\r\n1;2\r\n', {"a": ["1"], "b": ["2"]}, [3]),
    ("sep=,\na,b;c\n1,2\n", {"a": ["1"], "b;c": ["2"]}, [3]),
    ("\ufeffsep=|\na|b\n1|2\n", {"a": ["1"], "b": ["2"]}, [3]),
    ("a;b\n1;2\n", {"a": ["1"], "b": ["2"]}, [2]),
    ("a\n 1 \n\n'2'\n", {"a": ["1", "'2'"]}, [2, 4]),
    ('a,b\n"x\ny",1\nz, \n', {"a": ["x\ny", "z"], "b": ["1", None]}, [2, 4])])
def test_forms_of_files(written, text, cells, lines):
    found = read_cells(written(text))
    assert lists(found) == cells and found.lines == lines


def test_a_wrong_line_after_the_separator_is_named(written):
    with pytest.raises(ValueError, match=r"t\.csv, line 4: expected 2 fields, as in .* column names, got 3"):
        read_cells(written("sep=;\na;b\n1;2\n1;2;3\n"))


# ---- lines that are not rows, and rows that are too long ------------------------------------------------------------

@pytest.mark.parametrize(("text", "cells", "lines"), [
    ("\n\na,b\n1,2\n", {"a": ["1"], "b": ["2"]}, [4]), ("  \na\n1\n", {"a": ["1"]}, [3]),
    ("# made by x, on Monday\n#\n\na,b\n1,2\n", {"a": ["1"], "b": ["2"]}, [5]),
    ("# one\nsize\n1\n", {"size": ["1"]}, [3]), ("#one\nsize,b\n1,2\n", {"size": ["1"], "b": ["2"]}, [3]),
    ("# by Bob, 2020\nsize,kind\n1,a\n", {"size": ["1"], "kind": ["a"]}, [3]),
    ("#a,b\n1,2\n", {"#a": ["1"], "b": ["2"]}, [2]), ("#a,b\nx,y\n", {"#a": ["x"], "b": ["y"]}, [2]),
    ("# of rooms,kind\n3,x\n", {"# of rooms": ["3"], "kind": ["x"]}, [2]), ("#\n1\n2\n", {"#": ["1", "2"]}, [2, 3]),
    ("sep=;\n# x\na;b\n1;2\n", {"a": ["1"], "b": ["2"]}, [4]),
    ("a,b\n1,2,\n3,4,,\n5,6\n", {"a": ["1", "3", "5"], "b": ["2", "4", "6"]}, [2, 3, 4]),
    ("a,b,\n1,2\n3,4,\n", {"a": ["1", "3"], "b": ["2", "4"]}, [2, 3]),
    ("a,b\n1,2\n  \n3, \n", {"a": ["1", "3"], "b": ["2", None]}, [2, 4])])
def test_lines_around_the_rows(written, text, cells, lines):
    found = read_cells(written(text))
    assert lists(found) == cells and found.lines == lines


def test_comments_are_noted(written):
    assert read_cells(written("# x\na\n1\n")).notes == ["line 1 is a comment and is not used"]
    assert read_cells(written("# x\n\n# y\na\n1\n")).notes == ["the comments in lines 1 to 3 are not used"]
    with pytest.raises(ValueError, match=r"line 5: expected 2 fields, as in the line with the column names, got 1"):
        read_cells(written("# x\n\na,b\n1,2\n3\n"))


@pytest.mark.parametrize(("text", "message"), [
    ('a,b\n1,"2\n3,4\n5,6\n', "line 2: expected a closing quotation mark, got none until the end of the field"),
    ('a,b\n1,2\n' * 2 + 'x,"' + "y\n" * (1 << 23), "line 5: expected a closing quotation mark"),
    ('a,b\n1,"2\n3,"4"\n', "lines 2 to 3: expected ',' or the end of the line after a closing quotation mark"),
    ('a,"b\n1,2\n', "line 1: expected a closing quotation mark"),
    ('a\n"say "hi""\n', r'inside a quoted field, write each quotation mark twice \(""\)')])
def test_unmatched_quotation_marks(written, text, message):
    with pytest.raises(ValueError, match=rf"t\.csv, {message}" if message.startswith("line") else message):
        read_cells(written(text))


# ---- encodings ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_windows_1252(written, encoding):
    text = "name,size,note\nplain,1,x\nMüller,2,Straße\nÉ,3,naïve\n"
    cells = read_cells(written(text.encode(encoding)))
    assert cells["name"].tolist() == ["plain", "Müller", "É"] and cells["note"].tolist() == ["x", "Straße", "naïve"]
    assert cells.notes == ["line 3 is not UTF-8: read as Windows-1252; --encoding (in Python encoding=) names another "
                           "encoding"]
    assert read_cells(written("p\n5 €\n".encode("cp1252")))["p"].tolist() == ["5 €"]
    assert read_cells(written("p\nÖ\n".encode("cp1252")), encoding="cp1252")["p"].tolist() == ["Ö"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_utf16(written, encoding):
    cells = read_cells(written("a,b\nМосква,2\nMüller,\n".encode(encoding)))
    assert lists(cells) == {"a": ["Москва", "Müller"], "b": ["2", None]} and cells.notes == []


@pytest.mark.parametrize(("text", "encoding"), [("Москва,Киев", "cp1251"), ("東京", "shift-jis"), ("北京", "gbk")])
def test_other_encodings_must_be_stated(written, text, encoding):
    path = written(f"a\nx\n\"{text}\"\n".encode(encoding))
    with pytest.raises(ValueError, match=r"t\.csv, line 3 is not valid UTF-8, it has the byte 0x..; state its "):
        read_cells(path)
    for read in (read_cells, read_table, read_columns):
        assert columns(read(path, encoding=encoding))["a"].tolist() == ["x", text]


def test_wrong_encoding(written):
    path = written("a\né\n".encode())
    with pytest.raises(ValueError, match="unknown encoding 'utf8000': expected a name such as utf-8, cp1252"):
        read_cells(path, encoding="utf8000")
    with pytest.raises(ValueError, match=r"t\.csv is not valid text in the encoding ascii: .*; state its encoding"):
        read_cells(path, encoding="ascii")


# ---- packed files and standard input --------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.gz", "T.CSV.GZ", "t.txt"])
def test_packed_files(written, name):
    assert lists(read_cells(written(gzip.compress(b"a,b\n1,\xc3\xa9\n"), name))) == {"a": ["1"], "b": ["é"]}


def test_truncated_gzip_file(written):
    with pytest.raises(ValueError, match=r"cannot unpack the gzip file .*t\.csv\.gz"):
        read_cells(written(gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:-9], "t.csv.gz"))


def test_text_of_excel(written):
    assert lists(read_cells(written("a\tb\r\n1\té\r\n".encode("utf-16"), "t.txt"))) == {"a": ["1"], "b": ["é"]}


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(ValueError, match=r"^standard input is empty: expected a line with the names of the columns$"):
        read_columns("-")
    for contents in (b"a;b\n1;2\n", gzip.compress(b"a;b\n1;2\n")):
        stream = io.TextIOWrapper(io.BytesIO(contents))
        monkeypatch.setattr(sys, "stdin", stream)
        assert lists(read_columns("-")) == {"a": ["1"], "b": ["2"]}
        assert not stream.closed


def test_blocks(written):
    path = written("a\n" + "".join(f"{i}\n" for i in range(10_000)))
    blocks = list(read_blocks(path, 4097))
    assert [len(block["a"]) for block in blocks] == [4097, 4097, 1806]
    assert [cell for block in blocks for cell in block["a"]] == [str(i) for i in range(10_000)]
    assert [line for block in blocks for line in block.lines] == list(range(2, 10_002))


# ---- Parquet --------------------------------------------------------------------------------------------------------

def test_both_libraries_read_a_parquet_index_alike(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"price": ["1,813.76", "?", "(2)"], "day": pandas.to_datetime(["2020-01-01"] * 2 + [None]),
                              "kind": pandas.Categorical(["a", "b", None]), "many": [[1], [2], [3]],
                              "big": [2**63 + 5, 1, 2]}, index=pandas.Index([7, 8, 9], name="row"))
    frame.to_parquet(tmp_path / "t.parquet")
    found = []
    for hidden in ("polars", "pandas"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, hidden, None)
            found.append(read_columns(tmp_path / "t.parquet"))
    assert list(found[0]) == list(found[1]) == ["price", "day", "kind", "many", "big", "row"]
    preparations = [TablePreparation().fit(table) for table in found]
    assert preparations[0].to_dict() == preparations[1].to_dict()
    assert {report.name: report.kind for report in preparations[0].describe()} == {
        "price": "number", "day": "date", "kind": "category", "many": "left out", "big": "number", "row": "number"}


# ---- wide tables ----------------------------------------------------------------------------------------------------

def test_wide_tables_are_fast(written):
    """100,000 columns once took 1.6 ms each."""
    wide, rng = 4000, np.random.default_rng(0)
    rows = rng.normal(size=(20, wide)).round(4).astype(str)
    path = written("\n".join([",".join(f"c{i}" for i in range(wide)), *map(",".join, rows)]))
    begin = time.process_time()
    features, _ = split_target(read_cells(path), "c0")
    preparation = TablePreparation().fit(features)
    TablePreparation.from_dict(preparation.to_dict()).transform(features)
    assert (time.process_time() - begin) / wide < 0.5e-3
