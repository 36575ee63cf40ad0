"""Targets as people write them: numbers, dates, codes; and several at once."""
import json

import numpy as np
import pytest

from fastnet.data import MultiTargetPreparation, TablePreparation, TargetPreparation, read_cells, split_target

DAYS = ["31/12/2020", "1/1/2021", "15/6/2021"]


def kept(target):
    """The target after a way through JSON."""
    return type(target).from_dict(json.loads(json.dumps(target.to_dict())))


@pytest.mark.parametrize(("values", "task", "classes"), [
    (["02134", "10001", "02134", "10001"], "classification", ["02134", "10001"]),
    (["1", "2", "1", "2"], "classification", [1, 2]), (["1.0", "2", "1", "2.0"], "classification", [1, 2]),
    (["True", "False"], "classification", [False, True]), (["yes", "no "], "classification", ["no", "yes"]),
    (["$1,813.76", "(12.5)"], "regression", None), (["1", "2", "3"], "regression", None),
    (["1" * 20, "1" * 19 + "2"] * 2, "classification", ["1" * 20, "1" * 19 + "2"]),     # equal in float64
    (["th\u00e9", "the\u0301", "lait"], "classification", ["lait", "th\u00e9"]),
    (DAYS, "regression", None)])
def test_tasks_of_text(values, task, classes):
    target = TargetPreparation().fit(values)
    assert (target.task, target.classes) == (task, classes)
    np.testing.assert_array_equal(kept(target).transform(values), target.transform(values))
    if classes:
        assert target.inverse(target.transform(values)).tolist() == [classes[i] for i in target.transform(values)]


def test_classes_match_in_text_and_in_numbers():
    assert TargetPreparation().fit([1, 2, 1, 2]).transform(["2", "1.0"]).tolist() == [1, 0]
    assert TargetPreparation().fit(["1", "2", "1", "2"]).transform(np.array([2.0, 1.0])).tolist() == [1, 0]
    assert TargetPreparation().fit([True, False]).transform(["true", "FALSE"]).tolist() == [1, 0]
    assert TargetPreparation(kind="category").fit(["1", "2.50"]).classes == ["1", "2.50"]
    assert TargetPreparation(kind="category").fit([1, 2]).transform(["2"]).tolist() == [1]


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("task", [None, "regression"])
def test_a_date_is_predicted_as_a_date(task, standardise):
    target = kept(TargetPreparation(task, standardise).fit(DAYS))
    days = np.array(["2020-12-31", "2021-01-01", "2021-06-15"], "M8[D]")
    for given in (DAYS, days, days.astype("M8[ns]"), ["2020-12-31", "2021-01-01T00:00Z", "15 June 2021"]):
        found = target.inverse(target.transform(given))
        assert found.dtype == "M8[D]" and found.tolist() == days.tolist()
    assert target.numbers(target.transform(DAYS)).round().tolist() == [18627, 18628, 18793]
    assert target.transform(["1/2/2021"]) == target.transform(["2021-02-01"])       # in the order of training


def test_a_time_of_day_is_predicted_with_a_date_that_has_one():
    times = [f"2021-01-{day:02d} {day:02d}:30:15" for day in range(1, 20)]
    target = kept(TargetPreparation(standardise=True).fit(times))
    found = target.inverse(target.transform(times).astype(np.float64))
    assert found.dtype == "M8[s]"
    assert np.abs(found - np.array(times, "M8[s]")).max() <= np.timedelta64(1, "s")


@pytest.mark.parametrize(("values", "message"), [
    ([*map(str, range(30)), "?"], r"the target: expected a number, got '\?' in row 30 "),
    ([f"{i}.5" for i in range(30)] + ["x"], r"the target: expected a number, got 'x' in row 30 "),
    ([*DAYS * 9, "soon"], r"the target: expected a date, got 'soon' in row 27 "), ([*DAYS, None], "1 value is NaN"),
    (["02134", None], "the target: 1 value is NaN")])
def test_wrong_cells_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        TargetPreparation().fit(values)
    assert TargetPreparation().missing(values).tolist() == [False] * (len(values) - 1) + [True]


def test_decimal_mark_of_the_table_applies_to_the_target():
    assert TargetPreparation().fit(["1.813", "2.500"], mark=",").transform(["1.813"]) == [1813]
    assert TargetPreparation().fit(["1.813", "2.500"]).transform(["1.813"]) == np.float32(1.813)


def test_decimal_mark_of_the_target_applies_to_the_table(tmp_path):
    (tmp_path / "t.csv").write_text('a;b\n1.813;1,5\n2.500;2,5\n')
    features, _ = split_target(read_cells(tmp_path / "t.csv"), "b")
    assert TablePreparation(scale=None).fit_transform(features).tolist() == [[1813], [2500]]
    assert features.take([1]).mark == ","


def test_means_are_learnt_from_the_given_rows():
    target = TargetPreparation(standardise=True).fit(["1", "3", "1e9"], rows=[0, 1])
    assert (target.mean, target.scale) == (2, 1)


# ---- several targets ------------------------------------------------------------------------------------------------

def test_several_labels():
    columns = {"angry": ["yes", "no", "no"], "late": [0, 1, 0], "lost": [True, True, False]}
    target = kept(MultiTargetPreparation().fit(columns))
    y = target.transform(columns)
    assert target.task == "multilabel" and y.dtype == np.float32
    np.testing.assert_array_equal(y, [[1, 0, 1], [0, 1, 1], [0, 0, 0]])
    assert {name: found.tolist() for name, found in target.inverse(y > 0.5).items()} == columns


def test_several_numbers_and_dates():
    columns = {"price": ["$1.50", "$2.50", "$4"], "due": DAYS}
    target = kept(MultiTargetPreparation(standardise=True).fit(columns, rows=[0, 1]))
    y = target.transform(columns)
    assert target.task == "regression" and y.shape == (3, 2)
    np.testing.assert_allclose(y[:2].mean(0), 0, atol=1e-6)
    found = target.inverse(y)
    np.testing.assert_allclose(found["price"], [1.5, 2.5, 4])
    assert [str(day) for day in found["due"]] == ["2020-12-31", "2021-01-01", "2021-06-15"]
    np.testing.assert_allclose(target.numbers(y), [[1.5, 18627], [2.5, 18628], [4, 18793]], rtol=1e-6)


@pytest.mark.parametrize(("columns", "task", "message"), [
    ({"a": ["x", "y", "z"], "b": [1, 0, 1]}, None, "column 'a': the target: .* regression, got 'x'"),
    ({"a": [1, 2, 3], "b": [1, 0, 1]}, "multilabel", "'a': expected two classes in each of several targets, got 3"),
    ({"a": [1, 0], "b": [1, None]}, None, "column 'b': the target: 1 value is NaN")])
def test_invalid_columns_of_several_targets(columns, task, message):
    with pytest.raises(ValueError, match=message):
        MultiTargetPreparation(task).fit(columns)
    with pytest.raises(ValueError, match="unknown task of several targets 'ranking'"):
        MultiTargetPreparation("ranking")


@pytest.mark.parametrize("given", [
    None, {}, {"task": "multilabel", "targets": {}}, {"task": "ranking", "targets": {"a": {}}},
    {"task": "multilabel", "targets": {"a": {"task": "classification", "classes": ["x", "y", "z"]}}},
    {"task": "multilabel", "targets": {"a": {"task": "regression", "mean": 0.0, "scale": 1.0}}},
    {"task": "regression", "targets": {"a": 5}},
    {"task": "regression", "targets": {"a": {"task": "regression", "mean": 0.0, "scale": 1.0, "form": {"mark": "x"}}}},
    {"task": "regression", "targets": {"a": {"task": "regression", "mean": 0.0, "scale": 1.0, "form": 5}}}])
def test_invalid_dictionaries_of_several_targets(given):
    with pytest.raises(ValueError, match="dictionary of"):
        MultiTargetPreparation.from_dict(given)
