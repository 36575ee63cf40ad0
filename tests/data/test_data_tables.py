"""Tables: frames of both libraries as columns, CSV and Parquet files, and errors of invalid files."""
import datetime
import re
import sys
from decimal import Decimal

import numpy as np
import pytest

from fastnet.data import (
    DataLoader,
    TablePreparation,
    TargetPreparation,
    TensorDataset,
    as_array,
    columns,
    finite,
    read_table,
    split_target,
)
from fastnet.data.values import as_numbers

FEATURES = {"whole": [1, 2, 3], "real": [0.5, 1.5, 2.5], "gaps": [1.0, None, 3.0], "yes": [True, False, True],
            "text": ["a", None, "b"]}


@pytest.fixture(params=["pandas", "polars"])
def library(request):
    return pytest.importorskip(request.param)


def same(found, expected):
    assert list(found) == list(expected)
    for name, column in expected.items():
        assert found[name].dtype == column.dtype, name
        np.testing.assert_array_equal(found[name], column)


# ---- frames ---------------------------------------------------------------------------------------------------------

COLUMNS = {"whole": np.array([1, 2, 3]), "real": np.array([0.5, 1.5, 2.5]), "gaps": np.array([1, np.nan, 3]),
           "yes": np.array([True, False, True]), "text": np.array(["a", None, "b"], object)}


def test_columns(library):
    same(columns(library.DataFrame(FEATURES)), COLUMNS)


def test_columns_of_a_mapping():
    same(columns(FEATURES), COLUMNS)


def test_pandas_own_dtypes():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "whole": pandas.array([1, 2], "Int32"), "gaps": pandas.array([1, None], "Int64"),
        "yes": pandas.array([True, False], "boolean"), "maybe": pandas.array([True, None], "boolean"),
        "kind": pandas.Categorical(["x", None]), "text": pandas.array(["a", None], "string"),
        "mixed": np.array([1, None], object)})
    same(columns(frame), {
        "whole": np.array([1, 2]), "gaps": np.array([1, np.nan]), "yes": np.array([True, False]),
        "maybe": np.array([1, np.nan]), "kind": np.array(["x", None], object), "text": np.array(["a", None], object),
        "mixed": np.array([1, np.nan])})


def test_dates_and_durations(library):
    frame = library.DataFrame({"day": [datetime.datetime(1970, 1, 2), None],
                               "span": [datetime.timedelta(minutes=1), None]})
    same(columns(frame), {"day": np.array(["1970-01-02", "NaT"], "M8[us]"), "span": np.array([60, np.nan])})


def test_a_date_with_a_time_zone():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"day": pandas.to_datetime(["1970-01-01 01:00+01:00", "1970-01-01 02:00+01:00"])})
    same(columns(frame), {"day": np.array([0, 3600], "M8[s]").astype("M8[us]")})


def test_frames_as_arrays(library):
    frame = library.DataFrame({name: FEATURES[name] for name in ("whole", "real", "gaps", "yes")})
    x = as_array(frame)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, [[1, 0.5, 1, 1], [2, 1.5, np.nan, 0], [3, 2.5, 3, 1]])
    assert as_array(frame["whole"]).dtype == np.int64
    assert as_array(frame["real"]).dtype == np.float32
    assert as_array(frame["yes"]).dtype == np.bool_
    with pytest.raises(TypeError, match=r"put arrays into a TensorDataset"):
        DataLoader(frame)
    [(a, b)] = DataLoader(TensorDataset(frame, frame["whole"]), 3)
    np.testing.assert_array_equal(a.numpy(), x)
    assert b.tolist() == [1, 2, 3]


def test_frames_of_text_as_arrays(library):
    frame = library.DataFrame(FEATURES)
    with pytest.raises(TypeError, match=r"^x: .* columns hold other values: 'text', such as 'a'; TablePreparation"):
        as_array(frame, "x")
    with pytest.raises(TypeError, match=r"^y: .*TargetPreparation for labels"):
        as_array(frame["text"], "y")


DAYS = [datetime.datetime(2020, 1, 2, 3, 4, 5), datetime.datetime(2020, 1, 2)]


@pytest.mark.parametrize("values", [DAYS, [day.date() for day in DAYS], [DAYS[0] - DAYS[1], None]])
def test_dates_are_refused_as_arrays(library, values):
    frame = library.DataFrame({"a": [1.0, 2.0], "day": values})
    with pytest.raises(TypeError, match=r"^x: .* other values: 'day', such as .*; TablePreparation turns"):
        as_array(frame, "x")
    with pytest.raises(TypeError, match=r"^y: expected numbers, got .*; use TablePreparation for text and dates"):
        as_array(frame["day"], "y")


def test_decimals_and_days_of_objects():
    same(columns({"price": [Decimal("1.5"), None, Decimal("NaN"), 2], "day": [DAYS[1].date(), None] * 2}), {
        "price": np.array([1.5, np.nan, np.nan, 2]), "day": np.array(["2020-01-02", "NaT"] * 2, "M8[us]")})


@pytest.mark.parametrize("cells", [[[1, 2], [3, 4]], [[1], [2, 3]], [[1], None], [{"a": 1}, {"a": 2}]])
def test_cells_that_hold_more_than_one_value(library, cells):
    frame = library.DataFrame({"x": [1, 2], "many": cells})
    found = columns(frame)
    assert found["many"].dtype == object and found["many"].tolist() == cells
    assert TablePreparation().fit(frame).left_out == {"many": "its cells hold more than one value"}


def test_not_finite(library):
    frame = library.DataFrame(FEATURES)
    with pytest.raises(ValueError, match=r"^x, column 'gaps': 1 value is NaN or infinite: nan in row 1 "):
        finite(frame, "x")
    with pytest.raises(ValueError, match=r"^y: 1 value is NaN"):
        finite(frame["text"], "y")
    assert finite(frame["real"]) is not None


def test_an_infinity_is_named(library):
    frame = library.DataFrame({"a": [1.0, 2.0], "b": [1e300, float("inf")]})
    with pytest.raises(ValueError, match="column 'b': 1 value is NaN or infinite: inf in row 1"):
        finite(frame)
    with pytest.raises(ValueError, match="2 values are NaN or infinite, the first inf in row 0, column 1"):
        finite(as_array(frame))                             # float32 has no 1e300


@pytest.mark.parametrize("table, error, message", [
    ([1, 2], TypeError, "expected a pandas or polars DataFrame or a mapping"),
    ({"a": [1], "b": [1, 2]}, ValueError, r"of equal length, got \{'a': 1, 'b': 2\}"),
    ({"a": [[1]]}, ValueError, r"expected a column of one dimension, got the shape \(1, 1\)")])
def test_invalid_tables(table, error, message):
    with pytest.raises(error, match=message):
        columns(table)


def test_the_same_name_twice():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="got several columns called 'a'"):
        columns(pandas.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]))


def test_split_target():
    features, target = split_target(FEATURES, "text")
    assert list(features) == ["whole", "real", "gaps", "yes"]
    assert target.tolist() == ["a", None, "b"]


def test_missing_target():
    with pytest.raises(ValueError, match=re.escape(
            "there is no column 'hole'; did you mean 'whole'? The columns are 'whole', 'real', 'gaps', 'yes', 'text'")):
        split_target(FEATURES, "hole")
    with pytest.raises(ValueError, match=r"there is no column 'zzz'; the columns are 'c0', .* and 80 more"):
        split_target({f"c{i}": [1] for i in range(100)}, "zzz")
    with pytest.raises(ValueError, match="got a table with only the target 'a'"):
        split_target({"a": [1]}, "a")


# ---- files ----------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["pandas", "polars"])
def reader(request, monkeypatch):
    """The library that reads; polars is asked where there is no pandas."""
    pytest.importorskip(request.param)
    if request.param == "polars":
        monkeypatch.setitem(sys.modules, "pandas", None)


@pytest.mark.parametrize("text, name", [
    ("size,kind\n1.5,a\n,\n2,b\n", "t.csv"), ("size;kind\n1.5;a\n;\n2;b\n", "t.CSV"),
    ("size\tkind\r\n1.5\ta\r\n\t\r\n2\tb\r\n", "t.tsv"), ("\ufeffsize,kind\n1.5,a\n,\n2,b", "t.csv"),
    ('"size",kind\n"1.5","a"\n,\n2,b\n', "t.csv")])
def test_csv(reader, written, text, name):
    same(columns(read_table(written(text, name))), {"size": np.array([1.5, np.nan, 2]),
                                                    "kind": np.array(["a", None, "b"], object)})


def test_csv_with_separators_and_lines_inside_quotes(reader, written):
    found = columns(read_table(written('a,b\n"x,y","one\ntwo"\n"say ""hi""",z\n')))
    assert [c.tolist() for c in found.values()] == [["x,y", 'say "hi"'], ["one\ntwo", "z"]]


def test_stated_separator(reader, written):
    same(columns(read_table(written("a,b c\nx,2 3\n"), separator=" ")),
         {"a,b": np.array(["x,2"], object), "c": np.array([3])})


def test_categories_are_read_as_in_training(reader, written, monkeypatch):
    train = read_table(written("zip,yes,size,kind\n01234,true,1,1\n98765,false,2,x\nunknown,maybe,3,1\n"))
    path = written("zip,yes,size,kind\n01234,true,1,1\n98765,false,2,1\n", "new.csv")
    found = columns(read_table(path, text=["zip", "yes", "kind", "absent"]))
    assert found["size"].tolist() == [1, 2]
    assert columns(read_table(path))["zip"].tolist() == ["01234", "98765"]
    monkeypatch.undo()                                      # scikit-learn wants pandas whole, or not at all
    features, kinds = split_target(train, "kind")
    preparation, target = TablePreparation().fit(features), TargetPreparation().fit(kinds)
    assert preparation.text_columns == ["zip", "yes"] and target.is_text
    np.testing.assert_array_equal(preparation.transform(found)[:, :-1], preparation.transform(train)[:2, :-1])
    assert target.transform(found["kind"]).tolist() == [0, 0]


@pytest.mark.parametrize("text, expected", [
    ("a;b\n1,5;x\n;y\n-2,25;z\n", {"a": [1.5, np.nan, -2.25], "b": ["x", "y", "z"]}),
    ("a;b\n1,5;1.5\n2,5;2.5\n", {"a": [1.5, 2.5], "b": [1.5, 2.5]}),      # a number of a version has its point
    ("a;b\n1,5;1,5\n2;1.5\n", {"a": [1.5, 2], "b": ["1,5", "1.5"]}),
    ('a,b\n"1,5",2\n', {"a": [1.5], "b": [2]}),
    ('"a,b,c,d,e";"k"\n1;2\n', {"a,b,c,d,e": [1], "k": [2]}), ("a, k \n1,2\n", {"a": [1], "k": [2]}),
    ("a,b,\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}), ("a,b,,\n1,2,,\n", {"a": [1], "b": [2]}),
    (",a\n0,5\n1,6\n", {"Unnamed: 0": [0, 1], "a": [5, 6]}), ("0,1,2\n5,5,5\n", {"0": [5], "1": [5], "2": [5]}),
    ("900.5,1100\n5,5\n", {"900.5": [5], "1100": [5]})])
def test_messy_csv(reader, written, text, expected):
    found = columns(read_table(written(text)))
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert (found[name].dtype == object) == isinstance(values[0], str)
        np.testing.assert_array_equal(found[name], np.array(values, found[name].dtype))


def test_words_for_missing_values_among_numbers(reader, written):
    found = columns(read_table(written("n,alley,kind,none\n1,NA,None,NA\nNA,Grvl,a,NA\n3,,NA,\n")))
    assert all(value is None or value != value for value in found["none"].tolist())
    np.testing.assert_array_equal(found["n"], [1, np.nan, 3])
    assert found["alley"].tolist() == ["NA", "Grvl", None]
    assert found["kind"].tolist() == ["None", "a", "NA"]


@pytest.mark.parametrize("days, seconds", [
    (["1970-01-02", "NA", "1970-01-01"], [86400, np.nan, 0]),
    (["1970-01-01 00:01", "1970-01-01T00:00:00.500", ""], [60, 0.5, np.nan]),
    (["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:01Z", "1970-01-01 00:00:02"], [0, 1, 2])])
def test_dates_in_a_csv_file(reader, written, days, seconds):
    path = written("day,x\n" + "".join(f"{day},1\n" for day in days))
    found = columns(read_table(path))
    assert found["day"].dtype == "M8[us]"
    np.testing.assert_array_equal(as_numbers(found["day"]), seconds)
    assert columns(read_table(path, text=["day"]))["day"].tolist() == [day or None for day in days]


@pytest.mark.parametrize("day", ["1970-13-01", "29/02/1970", "1970-00", "then"])
def test_invalid_dates_are_text(reader, written, day):
    assert columns(read_table(written(f"day,x\n1970-01-02,1\n{day},2\n")))["day"].tolist() == ["1970-01-02", day]


@pytest.mark.parametrize("text, message", [
    ("5.1,3.5,0\n4.9,3.0,1\n", "line 1: expected the names of the columns, got numbers: put a line of names before"),
    ("a,,b\n1,2,3\n", "expected a name for column 2, which has values"),
    ("a,b\n1,2\n3\n", "line 3: expected 2 fields, as in the line with the column names, got 1"),
    ("a,b\n1,2\n3,4,5\n", "line 3: expected 2 fields, as in the line with the column names, got 3"),
    ("a,b\n1,2,3\n3,4,5\n", "line 2: expected 2 fields, as in the line with the column names, got 3"),
    ('a,b\n"x\ny",2\n3\n', "line 4: expected 2 fields"),
    ('a,b\n1,"2\n3,4\n', "line 2: expected a closing quotation mark, got none until the end of the field"),
    ("a,b\n", "has no rows"), ("", "is empty: expected a line with the names of the columns"), ("\n\n", "is empty"),
    (b"a,b\n\xff\xfe,2\n", "is not valid UTF-8"),
    (b"a,b\n" + b"1,2\n" * 9999 + b"\xff", "is not valid UTF-8"), (b"PK\0\0\n1\n", "expected a CSV file")])
def test_invalid_csv(reader, written, text, message):
    path = written(text)
    with pytest.raises(ValueError, match=message) as e:
        read_table(path)
    assert str(path) in str(e.value)


def test_parquet(library, tmp_path):
    if library.__name__ == "pandas":
        pytest.importorskip("pyarrow")
    frame, path = library.DataFrame(FEATURES), tmp_path / "t.parquet"
    frame.to_parquet(path) if hasattr(frame, "to_parquet") else frame.write_parquet(path)
    pytest.importorskip("pyarrow")
    same(columns(read_table(path)), COLUMNS)


@pytest.mark.parametrize("contents", [b"", b"PAR1", b"PAR1 something else PAR1"])
def test_invalid_parquet(reader, written, contents):
    pytest.importorskip("pyarrow")
    path = written(contents, "t.parquet")
    with pytest.raises(ValueError, match=r"cannot read .* as Parquet") as e:
        read_table(path)
    assert str(path) in str(e.value)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_missing_files(reader, tmp_path, name):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / name)


def test_other_files(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*t\.xlsx as a table: expected a name .*; save it as CSV$"):
        read_table(tmp_path / "t.xlsx")


def test_parquet_without_pyarrow(written, monkeypatch):
    pytest.importorskip("pandas")
    path = written(b"PAR1", "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"^reading Parquet files needs pyarrow: pip install pyarrow$"):
        read_table(path)


def test_without_either_library(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r'reading CSV files needs pandas: pip install pandas pyarrow$'):
        read_table(written("a\n1\n"))
