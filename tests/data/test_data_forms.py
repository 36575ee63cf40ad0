"""Units, thousands and millions, currencies, times of day, months, dates in digits, and spellings of categories."""
import datetime

import numpy as np
import pytest
from data_tools import require_both_libraries_read_alike

from fastnet.data import MultiTargetPreparation, TablePreparation, TargetPreparation, read_cells, read_table
from fastnet.data.forms import form_of, typed


def read(cells):
    """The values of a column of text as a list."""
    return typed(cells, form_of(cells))[0].tolist()


# ---- numbers with units and suffixes --------------------------------------------------------------------------------

@pytest.mark.parametrize(("cells", "values"), [
    (["12 kg", "13.5 kg", "14"], [12, 13.5, 14]), (["12kg", "13 KG", "1,014 Kg"], [12, 13, 1014]),
    (["5 m²", "-7.5 m²"], [5, -7.5]), (["36.6 °C", "37°C"], [36.6, 37]), (["90 km/h", "1e2 km/h"], [90, 100]),
    (["3 years", "1 year"], [3, 1]),
    (["5 lbs", "6 lb", "7 lbs."], [5, 6, 7]), (["50 sq ft", "1,200 sq ft"], [50, 1200]),
    (["1,5 kg", "1.813,5 kg"], [1.5, 1813.5]), (["300 K", "273.15 K"], [300, 273.15]), (["5 mW", "6 mW"], [5, 6]),
    (["1.5k", "2M", "300", "1.2bn"], [1500, 2e6, 300, 1.2e9]), (["$1.5M", "$300k", "€2B"], [1.5e6, 3e5, 2e9]),
    (["5k", "10K"], [5000, 10000]), (["-1.5 M", "2 M"], [-1.5e6, 2e6]), (["1,5k", "2k", "0,5k"], [1500, 2000, 500]),
    (["2k €", "3k €"], [2000, 3000])])
def test_units_and_powers(cells, values):
    assert read(cells) == values


@pytest.mark.parametrize("cells", [
    ["5 kg", "500 g"], ["12", "14B", "15", "16A"], ["12", "14B", "15", "16"], ["1st", "2nd", "3rd"], ["007A", "008A"],
    ["5 mW", "6 MW"], ["31 Dec", "30 Jan"], ["S", "M", "2M"], ["B2", "B3"]])
def test_numbers_with_various_words_are_text(cells):
    assert read(cells) == cells


def test_a_few_cells_of_another_unit_are_missing():
    cells = [f"{i} kg" for i in range(20)] + ["500 g"]
    values, odd = typed(cells, form_of(cells))
    assert odd == [20] and np.isnan(values[20]) and values[19] == 19


def test_the_unit_is_kept():
    preparation = TablePreparation(scale=None).fit({"weight": ["12 kg", "13 kg"], "views": ["1.5k", "2M"]})
    assert [report.note for report in preparation.describe()] == [
        "unit 'kg'", "k, M and B are thousands, millions and billions"]
    again = TablePreparation.from_dict(preparation.to_dict())
    assert again.transform({"weight": ["14 KG"], "views": ["3k"]}).tolist() == [[14, 3000]]
    with pytest.raises(ValueError, match=r"^column 'weight': expected a number, got '14 g' in row 0"):
        again.transform({"weight": ["14 g"], "views": ["3k"]})


def test_words_for_missing_values_are_remembered(tmp_path):
    """One cell in two is not a few, but it stood for a missing value in training."""
    table = {"price": [*(f"{i}.5" for i in range(20)), "k.A."], "day": [*["2020-01-01", "2020-01-02"] * 10, "offen"]}
    preparation = TablePreparation().fit(table)
    for prepared in (preparation, TablePreparation.from_dict(preparation.to_dict())):
        with pytest.warns(UserWarning, match="is numeric except 'k.A.' in row 1|holds dates except 'offen' in row 1"):
            found = prepared.transform({"price": ["9.5", "k.A."], "day": ["2020-01-01", "offen"]})
        assert found[1, 0] == preparation.transform({"price": [None], "day": [None]})[0, 0]
        with pytest.raises(ValueError, match=r"column 'price': expected a number, got 'unklar' in row 1"):
            prepared.transform({"price": ["9.5", "unklar"], "day": ["2020-01-01"] * 2})


def test_text_in_place_of_numbers_is_judged_by_its_column(tmp_path):
    """A table of numbers shows no decimal mark: it is the new file's, as it would be in `read_table`."""
    (tmp_path / "t.csv").write_text("size;price;day\n1.813;2,5 €;1/2/2020\n2.500;1,5 €;13/2/2020\n")
    with_numbers = {"size": [1813.0, 5.0], "price": [2.5, 9.0], "day": np.array(["2020-02-01", "2020-02-13"], "M8[us]")}
    preparation = TablePreparation(scale=None).fit(with_numbers)
    for prepared in (preparation, TablePreparation.from_dict(preparation.to_dict())):
        expected = {"size": [1813.0, 2500.0], "price": [2.5, 1.5], "day": with_numbers["day"]}
        np.testing.assert_array_equal(prepared.transform(read_cells(tmp_path / "t.csv")), prepared.transform(expected))


def test_targets_with_units():
    assert TargetPreparation().fit(["12.5 kg", "13 kg"]).transform(["14 kg"]).tolist() == [14]
    wheels = TargetPreparation().fit(["2WD", "4WD"] * 5)
    assert wheels.classes == ["2WD", "4WD"] and wheels.transform(["4WD"]).tolist() == [1]


def test_currencies(tmp_path):
    table = {"price": ["$5", "7 €", "8", "US$3"], "paid": ["$5", "USD 6", "7", "8"]}
    note = "column 'price' holds several currencies, not converted: $, €"
    preparation = TablePreparation().fit(table)
    assert preparation.notes == [note] and preparation.describe()[0].note == note.removeprefix("column 'price' ")
    (tmp_path / "t.csv").write_text("price,x\n$5,1\n?,2\n€7,3\n")
    with pytest.warns(UserWarning, match=r"is numeric except '\?' in line 3; holds several currencies, not con"):
        read_table(tmp_path / "t.csv")
    assert TargetPreparation().fit(["$5.5", "7 €"]).notes == ["holds several currencies, not converted: $, €"]


def test_infinity_is_named_by_line_and_column(tmp_path):
    for cell in ("inf", "-Infinity", "1e999"):
        (tmp_path / "t.csv").write_text(f"a,b\n1,2\n3,{cell}\n")
        with pytest.raises(ValueError, match=r"^column 'b': expected a number, got -?inf in line 3$"):
            TablePreparation().fit(read_cells(tmp_path / "t.csv"))


# ---- dates ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("cells", "days"), [
    (["20190731", "20200229", None], ["2019-07-31", "2020-02-29", "NaT"]), (["20190731", "?"], ["2019-07-31", "NaT"]),
    (["2019-07", "2019-12"], ["2019-07", "2019-12"]), (["2019/07", "2020/1/15"], ["2019-07", "2020-01-15"]),
    (["07/2019", "1/2020"], ["2019-07", "2020-01"]), (["Jul 2019", "August 2020"], ["2019-07", "2020-08"]),
    (["2019-Q3", "2020Q1"], ["2019-07", "2020-01"]), (["Q4 2019", "Q1/2020"], ["2019-10", "2020-01"]),
    (["13:45", "9:05"], ["1970-01-01T13:45", "1970-01-01T09:05"]),
    (["1:45 PM", "12:00 a.m.", "9 AM"], ["1970-01-01T13:45", "1970-01-01T00:00", "1970-01-01T09:00"]),
    (["13:45:10.5", "00:00:00"], ["1970-01-01T13:45:10.5", "1970-01-01"])])
def test_dates_and_times(cells, days):
    np.testing.assert_array_equal(typed(cells, form_of(cells))[0], np.array(days, "M8[us]"))


@pytest.mark.parametrize("cells", [
    ["20190731", "20190732"], ["18991231", "20190731"], ["20190731", "5"], ["20190731.0", "20190731.0"]])
def test_numbers_that_look_like_dates(cells):
    assert read(cells) == list(map(float, cells))


@pytest.mark.parametrize("cells", [["1234-05", "1234-06"], ["2008-09", "2012-13"], ["25:00", "26:00"], ["13:45", "x"],
                                   ["13:45", "2019-07-31"], ["13/2019", "14/2019"], ["Q5 2019", "Q6 2019"]])
def test_text_that_looks_like_dates(cells):
    assert read(cells) == cells


@pytest.mark.parametrize("numbers", [[20190731, 20190801], [20190731.0, np.nan]])
def test_dates_in_numbers_of_frames(numbers):
    texts = [None if number != number else str(int(number)) for number in numbers]
    expected = TablePreparation().fit({"day": texts})
    assert expected.describe()[0].kind == "date"
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame({"day": numbers})
        found = TablePreparation().fit(frame).transform(frame)
        np.testing.assert_array_equal(found, expected.transform({"day": texts}))
    assert TablePreparation(kinds={"day": "number"}).fit({"day": numbers}).feature_names == ["day"]
    assert TargetPreparation().fit([20190731, 20190802]).inverse([18108]).astype(str).tolist() == ["2019-07-31"]


def test_times_of_day_become_a_circle():
    preparation = TablePreparation(scale=None).fit({"at": ["06:00", "18:00", None]})
    assert preparation.feature_names == ["at", "at:hour sin", "at:hour cos"]
    assert [tuple(report) for report in preparation.describe()] == [("at", "date", "times of day")]
    np.testing.assert_allclose(preparation.transform({"at": ["6:00 AM", "00:00"]})[:, 1:], [[1, 0], [0, 1]], atol=1e-6)
    again = TablePreparation.from_dict(preparation.to_dict())
    np.testing.assert_array_equal(again.transform({"at": ["7:30"]}), preparation.transform({"at": ["07:30:00"]}))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_times_of_day_in_frames(library):
    library, times = pytest.importorskip(library), [datetime.time(6), datetime.time(18, 30), None]
    frame = library.DataFrame({"at": times})
    texts = {"at": ["06:00", "18:30", None]}
    preparation = TablePreparation().fit(frame)
    np.testing.assert_array_equal(preparation.transform(frame), TablePreparation().fit_transform(texts))
    np.testing.assert_array_equal(preparation.transform(texts), preparation.transform(frame))


def test_times_of_day_as_a_target():
    target = TargetPreparation().fit(["06:00", "18:30"])
    assert target.task == "regression" and target.transform(["12:00"]).tolist() == [0.5]
    assert TargetPreparation.from_dict(target.to_dict()).inverse([0.25, 0.5]).tolist() == [
        datetime.time(6), datetime.time(12)]


# ---- spellings ------------------------------------------------------------------------------------------------------

def test_categories_ignore_capitals():
    answers = ["Yes", "YES", "yes", "Yes", "no", "No", "no", None]
    preparation = TablePreparation().fit({"answer": answers})
    assert preparation.feature_names == ["answer=Yes", "answer=no"]
    assert preparation.notes == ["column 'answer' treats 'No' as 'no', 'YES' as 'Yes' and 1 more spelling"]
    again = TablePreparation.from_dict(preparation.to_dict())
    table = {"answer": ["yEs", "NO", "maybe"]}
    assert again.transform(table).tolist() == [[1, 0], [0, 1], [0, 0]] and again.unseen(table) == {"answer": 1}
    stated = TablePreparation(kinds={"answer": "category"}).fit({"answer": answers})
    assert len(stated.feature_names) == 5 and stated.notes == []
    assert stated.unseen(table) == {"answer": 3}


def test_classes_ignore_capitals():
    target = TargetPreparation().fit(["Yes", "YES", "Yes", "no", "No", "no"])
    assert target.classes == ["Yes", "no"] and target.notes == ["treats 'No' as 'no', 'YES' as 'Yes'"]
    again = TargetPreparation.from_dict(target.to_dict())
    assert again.transform(["yes", "NO"]).tolist() == [0, 1]
    with pytest.raises(ValueError, match="labels that were not seen in training: 'maybe'"):
        again.transform(["maybe"])
    assert TargetPreparation(kind="category").fit(["Yes", "YES", "no"]).classes == ["YES", "Yes", "no"]
    assert MultiTargetPreparation().fit({"a": ["Yes", "YES", "no"], "b": ["x", "y", "x"]}).task == "multilabel"


# ---- both libraries -------------------------------------------------------------------------------------------------

FILES = ["a\n12 kg\n13 kg\n", "a\n1.5k\n2M\n", "a\nYes\nYES\nno\n", "a\n$5\n€6\n", "a\n13:45\n\n1:00 PM\n",
         "a\n20190731\n", "a\n2019-07\n\n2019-08\n", "# x\n\na,b\n1,2,\n", "a\n2019Q3\n?\n2019Q4\n2019Q4\n",
         "a\n5k\n10k\n", "a\n12 kg\n12\n"]


@pytest.mark.filterwarnings("ignore:.*(column|comment)")
@pytest.mark.parametrize("text", FILES)
def test_both_libraries_read_the_same(tmp_path, monkeypatch, text):
    (tmp_path / "t.csv").write_text(text)
    require_both_libraries_read_alike(tmp_path / "t.csv", monkeypatch)


def test_a_column_of_mostly_numbers_is_left_out_with_the_reason():
    cells = [f"{i}.5" for i in range(80)] + [f"<{i}.5" for i in range(20)]
    preparation = TablePreparation().fit({"petal": cells, "size": [float(i) for i in range(100)]})
    assert preparation.left_out["petal"].startswith("80% of its cells are numbers, the first other one is '<0.5'")
