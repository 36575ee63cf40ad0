"""Numbers, dates and text as people write them: the form of a column is judged by all of its cells."""
import numpy as np
import pytest
from data_tools import require_both_libraries_read_alike

from fastnet.data import TablePreparation, read_cells, read_table, split_target
from fastnet.data.dates import Dates
from fastnet.data.forms import decimal_mark, form_of, typed
from fastnet.data.numerals import Numerals

PLAIN = [f"{i + 0.5}" for i in range(20)]


def read(cells, prefer="."):
    """(values, rows that are something else) of a column of text."""
    return typed(cells, form_of(cells, prefer))


# ---- numbers --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("cell", "value"), [
    ("1,813.76", 1813.76), ("1,234,567", 1234567), ("12,34,567.5", 1234567.5), ("1 813.76", 1813.76),
    ("1\u202f813\u00a0000", 1813000), ("1'813.76", 1813.76), ("1’813", 1813), ("$101", 101), ("$ 1,000.50", 1000.5),
    ("-$5", -5), ("$-5", -5), ("US$5", 5), ("$5.50 USD", 5.5), ("€12", 12), ("12 €", 12), ("12.5 EUR", 12.5),
    ("CHF 3", 3), ("£0.99", 0.99),
    ("(12.5)", -12.5), ("12.5-", -12.5), ("1,000-", -1000), ("($1,000)", -1000), ("+4", 4),
    ("−3.5", -3.5), ("–3", -3), ("1e3", 1000), ("1E-2", 0.01),
    ("1e−2", 0.01), (".5", 0.5), ("5.", 5), ("007.5", 7.5), ("47%", 47), ("(47 %)", -47), ("1" * 40, float("1" * 40)),
    ("NA", np.nan), ("n/a", np.nan), ("NaN", np.nan), ("null", np.nan), ("#N/A", np.nan), (None, np.nan),
])
def test_numbers(cell, value):
    values, odd = read([*PLAIN, cell])
    assert values.dtype == np.float64 and odd == []
    np.testing.assert_array_equal(values[-1], value)


@pytest.mark.parametrize("cell", ["?", "-", "none", "abc", "1.2.3", "1,2", "12,3456.5", "1_2", "$", "%", "(5", "--5",
                                  "1 2", "0,123", "N.A.", "#DIV/0!", "1;5"])
def test_a_few_odd_cells_are_missing(cell):
    values, odd = read([*PLAIN, cell, "3"])
    assert odd == [20] and np.isnan(values[20]) and values[21] == 3


@pytest.mark.parametrize(("cells", "mark", "values"), [
    (["1,5", "2"], ",", [1.5, 2]), (["1.813,76", "5"], ",", [1813.76, 5]), (["1,813.76", "5"], ".", [1813.76, 5]),
    (["1.234.567", "5"], ",", [1234567, 5]), (["0.813", "1.813"], ".", [0.813, 1.813]), (["1,813"], ".", [1813]),
    (["1 813,76", "-0,5"], ",", [1813.76, -0.5]), (["1.813"], ".", [1.813]), (["(1,5)", "2,5 €"], ",", [-1.5, 2.5]),
    (["47,5%", "12%"], ",", [0.475, 0.12])])
def test_decimal_marks(cells, mark, values):
    form = form_of(cells)
    assert form.mark == mark
    np.testing.assert_array_equal(typed(cells, form)[0], values)


def test_a_file_has_one_decimal_mark():
    """Where a column leaves it open, the others decide; a number of a version keeps its point."""
    def values(separator=",", **columns):
        mark = decimal_mark(columns, separator)
        return [typed(cells, form_of(cells, mark))[0][0] for cells in columns.values()]
    assert values(a=["1,5"], b=["1.813"], c=["7"], d=[None, "31/12/2020"])[:3] == [1.5, 1813, 7]
    assert values(a=["1,5"], b=["1.5"], c=["1.813"]) == [1.5, 1.5, 1.813]
    assert values(a=["1,813"], b=["1.5"]) == values(";", a=["1,813"], b=["1.5"]) == [1813, 1.5]
    assert values(";", a=["1,813"], b=["12.345"]) == [1.813, 12345]
    assert values(";", b=["12.345"]) == [12.345]                    # semicolons alone do not make it thousands


def test_percentages():
    assert read(["47%", "5%"])[0].tolist() == [0.47, 0.05]
    assert read(["0.47", "5%"])[0].tolist() == [0.47, 0.05]
    assert read(["45", "48.5", "47%"])[0].tolist() == [45, 48.5, 47]


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("digits", [19, 20, 30, 39])
def test_whole_numbers_beyond_64_bits(gaps, digits):
    cells = [str(i) + "9" * (digits - 1) if i % 3 or not gaps else None for i in range(1, 40)]
    cells = [cell and cell[:digits] for cell in cells]
    preparation = TablePreparation().fit({"big": cells, "x": [1.0] * len(cells)})
    assert preparation.encoders["big"].kind == "number"
    as_objects = [int(cell) if cell else None for cell in cells]
    assert TablePreparation().fit({"big": as_objects, "x": [1.0] * len(cells)}).encoders["big"].kind == "number"
    assert np.isfinite(preparation.transform({"big": cells, "x": [1.0] * len(cells)})).all()


def test_whole_numbers_of_64_bits_are_exact():
    assert read(["9007199254740993", "1"])[0].tolist() == [9007199254740993, 1]


@pytest.mark.parametrize("cells", [["02134", "10001"], ["02134", "10001", None], ["007", "x1"],
                                   ["00501"] * 3 + ["7"] * 90, ["02134"] + ["10001"] * 500])
def test_codes_with_leading_zeros_are_text(cells):
    assert form_of(cells) is None


@pytest.mark.parametrize("cells", [["0", "10"], ["0.5", "00.5"], ["007"] + ["1", "22", "333"] * 40])
def test_numbers_with_few_leading_zeros_are_no_codes(cells):
    assert form_of(cells) == Numerals()


def test_at_most_a_tenth_of_the_cells_may_be_odd():
    assert form_of(["1.5"] * 90 + ["x"] * 10) == Numerals()
    assert form_of(["1.5"] * 89 + ["x"] * 11) is None
    assert form_of(["1.5"] * 50 + ["?"] * 25 + ["none"] * 25) == Numerals()         # which say that they are missing
    assert form_of(["1", "2"] + ["none"] * 3) is None                               # which here is a category
    assert form_of(["?", "-"]) is None


# ---- dates ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("cell", "day"), [
    ("31.12.20", "2020-12-31"),
    ("2020-12-31", "2020-12-31"), ("2020-12-31 23:59", "2020-12-31T23:59"), ("2020-12-31T23:59:58",
    "2020-12-31T23:59:58"),
    ("2020-12-31T23:59:58.5", "2020-12-31T23:59:58.5"), ("2020-12-31T23:59:58.123456789", "2020-12-31T23:59:58.123456"),
    ("2020-12-31T23:59:58,25Z", "2020-12-31T23:59:58.25"), ("2020-12-31T23:59:58+0100", "2020-12-31T22:59:58"),
    ("2020-12-31T23:59:58-01:30", "2021-01-01T01:29:58"), ("2020-12-31 23:59:58 UTC", "2020-12-31T23:59:58"),
    ("2020-12-31T23:59+01", "2020-12-31T22:59"), ("31/12/2020", "2020-12-31"), ("31.12.2020", "2020-12-31"),
    ("31-12-2020", "2020-12-31"), ("1/2/2020", "2020-02-01"), ("31/12/2020 8:05", "2020-12-31T08:05"),
    ("31/12/20", "2020-12-31"), ("31/12/99", "1999-12-31"), ("2020/12/31", "2020-12-31"), ("2020.12.31", "2020-12-31"),
    ("31 Dec 2020", "2020-12-31"), ("31-Dec-2020", "2020-12-31"), ("31 December 2020", "2020-12-31"),
    ("Dec 31, 2020", "2020-12-31"), ("December 31st, 2020", "2020-12-31"), ("1 sept. 2020", "2020-09-01"),
    ("Thu, 31 Dec 2020 23:59:00 +0000", "2020-12-31T23:59"), ("Dec 31, 2020 11:59 PM", "2020-12-31T23:59"),
    ("31/12/2020 12:05 am", "2020-12-31T00:05"), ("20201231T235900Z", None), ("0001-01-01", "0001-01-01"),
    ("9999-12-31", "9999-12-31"), ("0001-01-01T00:00+01:00", "0000-12-31T23:00"), ("29/02/2020", "2020-02-29"),
    ("29/02/2021", None), ("2020-13-01", None), ("31/31/2020", None), ("24/12/2020 25:00", None), ("NA", "NaT"),
    ("1/2-2020", None), ("12 Foo 2020", None)])
def test_dates(cell, day):
    form = form_of(["2020-01-01"] * 20 + [cell])
    assert isinstance(form, Dates)
    [value], odd = form.read([cell])
    assert (odd == [0]) == (day is None)
    np.testing.assert_array_equal(value, np.datetime64(day or "NaT", "us"))


@pytest.mark.parametrize(("cells", "day_first"), [
    (["1/2/2020", "31/12/2020"], True), (["1/2/2020", "12/31/2020"], False), (["1/2/2020", "3/4/2020"], True),
    (["2020-12-31", "31 Dec 2020"], None), (["5/5/2020"], None), (["13/1/2020"] * 40 + ["1/13/2020"], True),
    (["1/13/2020"] * 40 + ["13/1/2020"], False)])
def test_order_of_day_and_month_is_judged_by_the_whole_column(cells, day_first):
    assert form_of(cells) == Dates(day_first)


def test_dates_become_several_numbers():
    days = [f"{day:02d}/{month:02d}/2020 {hour:02d}:00" for day, month, hour in ((1, 1, 0), (15, 6, 6), (31, 12, 18))]
    preparation = TablePreparation().fit({"day": [*days, None, "?"]})
    assert preparation.feature_names == ["day", *(f"day:{turn} {side}" for turn in ("month", "weekday", "hour")
                                                  for side in ("sin", "cos"))]
    with pytest.warns(UserWarning, match=r"^column 'day' holds dates except '\?' in row 1 \(counted from 0\)$"):
        found = preparation.transform({"day": ["1/6/2020 06:00", "?"]})         # read as in training, not month first
    june = 2 * np.pi * 5 / 12
    np.testing.assert_allclose(found[0, 1:], [np.sin(june), np.cos(june), 0, 1, 1, 0], atol=1e-6)      # a Monday, 6 h
    np.testing.assert_array_equal(found[1, 1:], 0)
    again = TablePreparation.from_dict(preparation.to_dict())
    np.testing.assert_array_equal(again.transform({"day": days}), preparation.transform({"day": days}))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_dates_of_frames_are_dates(library):
    library = pytest.importorskip(library)
    texts = ["2020-12-31 23:59", "2021-01-01 00:00", None]
    days = [np.datetime64(text, "us").item() if text else None for text in texts]
    frame = library.DataFrame({"day": days})
    expected = TablePreparation().fit({"day": texts})
    np.testing.assert_array_equal(TablePreparation().fit(frame).transform(frame), expected.transform({"day": texts}))
    np.testing.assert_array_equal(expected.transform(frame), expected.transform({"day": texts}))


# ---- text -----------------------------------------------------------------------------------------------------------

def test_spaces_and_unicode_forms_do_not_matter():
    preparation = TablePreparation().fit({" caf\u00e9 ": ["th\u00e9", "lait"]})
    found = preparation.transform({"cafe\u0301": [" the\u0301 ", "lait "]})
    np.testing.assert_array_equal(found, [[0, 1], [1, 0]])
    assert preparation.unseen({"cafe\u0301": [" the\u0301", "jus"]}) == {"café": 1}


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_dtype_of_categories_is_a_category(library):
    library = pytest.importorskip(library)
    dtype = library.Categorical if library.__name__ == "polars" else "category"
    series = library.Series("code", ["1", "2", "1"], dtype) if dtype != "category" else library.Series(
        ["1", "2", "1"], dtype=dtype, name="code")
    frame = library.DataFrame({"code": series})
    assert TablePreparation().fit(frame).feature_names == ["code=1", "code=2"]


# ---- stated kinds ---------------------------------------------------------------------------------------------------

def test_kinds_can_be_stated():
    table = {"code": ["1", "2", "1"], "zip": ["02134", "10001", "?"], "when": ["20201231", "20210101", "20210102"],
             "word": ["one", "two", "one"]}
    kinds = {"code": "category", "zip": "number", "when": "date", "word": "text"}
    preparation = TablePreparation(kinds=kinds).fit(table)
    assert [tuple(report) for report in preparation.describe()] == [
        ("code", "category", "2 categories"), ("zip", "number", "is numeric except '?' in row 2 (counted from 0)"),
        ("when", "date", ""), ("word", "text", "2 words")]
    whole = TablePreparation(kinds={"when": "date"}).fit({"when": [20201231, 20210101]})
    np.testing.assert_array_equal(whole.transform({"when": [20210101]}), whole.transform({"when": ["2021-01-01"]}))
    for kind, cell in (("number", "one"), ("date", "1")):
        with pytest.raises(ValueError, match=rf"^column 'x': expected a {kind}, got 'two' in row 1 "):
            TablePreparation(kinds={"x": kind}).fit({"x": ["1" if kind == "number" else "2020-01-01", "two", cell]})


def test_errors_name_the_wrong_cell(tmp_path):
    (tmp_path / "a.csv").write_text("size\n1.5\n2.5\n")
    preparation = TablePreparation().fit(read_cells(tmp_path / "a.csv"))
    (tmp_path / "b.csv").write_text('size,x\n"1,000",a\n\nNA,b\n?,c\n$5,\nbig,d\n')
    with pytest.raises(ValueError, match=r"^column 'size': expected a number, got 'big' in line 7$"):
        preparation.transform(read_cells(tmp_path / "b.csv"))


# ---- both libraries -------------------------------------------------------------------------------------------------

FILES = [
    "a,b\n1,x\n2,y\n", "a,b\n1,\n2,y\n", 'a,b\n"1",x\n', "a\nNA\n1\n", "a,b\nNA,1\nx,2\n", "a\ntrue\nfalse\n",
    "a\nTrue\nFalse\n", "a\nTRUE\n\nFALSE\n", "a,b\n1e5,0x10\n2,3\n", "a\n1_000\n2\n", "a\n 1\n2 \n",
    "a\ninfinity\n1.0\n",
    "a,b\n9223372036854775808,1\n1,2\n", "a,b\n18446744073709551616,1\n,2\n", "a\n-0\n0\n", "a\n1.\n.5\n",
    "a\n+1\n-1\n",
    "a\n2020-01-01\n2020-01-02\n", "a\n2020-01-01T00:00Z\n2020-01-02\n", "a\n12:30\n13:45\n",
    "a\n31/12/2020\n1/2/2020\n",
    "a\n0001-01-01\n9999-12-31\n", "self,args\n1,2\n", "columns,dtype,index\n1,2,3\n", "a,a\n1,2\n", "a,a,a.2\n1,2,3\n",
    "sep=;\na;b\n1,5;2\n", "a;b\n1,5;1.5\n", "a|b\n1|2\n", "a\tb\n1\t2\n", "a,b,\n1,2,\n", ",a\n0,5\n1,6\n",
    'a,b\n"x\ny",1\n', 'a\n"say ""hi"""\n', "a\n'quoted'\n", "#a,b\n1,2\n", "a,b\n#1,2\n", "a\r\n1\r\n2\r\n",
    "a\r1\r2\r",
    "\ufeffa,b\n1,2\n", "é,b\ne\u0301,1\n", "a\n02134\n10001\n", "a\n1\n\n\n2\n", "a\n?\n1\n2\n3\n",
    "a\n47%\n$5\n(3)\n",
    "a\n1 000\n2 000\n", "a\nNone\nnull\n1\n", "a\nNone\nx\n", "a,b\n,\n1,x\n", "a\n1\n2.0\n", "a\nnan\n1\n",
    "a\n-nan\n1\n",
]


@pytest.mark.filterwarnings("ignore:.*column")
@pytest.mark.parametrize("text", FILES)
def test_both_libraries_read_the_same(tmp_path, monkeypatch, text):
    (tmp_path / "t.csv").write_bytes(text.encode())
    require_both_libraries_read_alike(tmp_path / "t.csv", monkeypatch)


def test_any_column_names(tmp_path):
    names = ["self", "data", "args", "kwargs", "sep", "dtype", "index", "columns", "copy", "name", "__class__", "class"]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    features, _ = split_target(read_table(tmp_path / "t.csv"), "self")
    assert list(features) == names[1:]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_text_in_frames_is_read_as_in_files(library):
    library = pytest.importorskip(library)
    table = {"price": [" $5 ", "", "  ", "1,000"], "kind": ["a ", "", "a", " b"],
             "day": ["1/2/2020 ", None, "", "3/4/2020"]}
    found = TablePreparation(scale=None).fit_transform(library.DataFrame(table))
    assert found[:, 0].tolist() == [5, 502.5, 502.5, 1000]
    assert found[:, 1:3].tolist() == [[1, 0], [1, 0], [1, 0], [0, 1]]
    assert np.abs(found[1:3, 4:]).max() == 0
