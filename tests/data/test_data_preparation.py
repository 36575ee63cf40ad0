"""Tables as numbers: the same results as scikit-learn's transformers, and the round trip through JSON."""
import json

import numpy as np
import pytest

from fastnet.data import DataLoader, TablePreparation, TargetPreparation, TensorDataset

sklearn = pytest.importorskip("sklearn")
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.impute import SimpleImputer  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler  # noqa: E402

WORDS = ["the", "quick", "brown", "fox", "a", "lazy", "dog's", "back;", "Größe", "zählt,", "naïve_user", "42", "Times"]


def table(n=200, seed=0, strange=False):
    """Columns of every kind, with gaps; `strange`: with categories and words that other tables have not."""
    rng = np.random.default_rng(seed)
    found = {"age": rng.normal(40, 9, n), "visits": rng.integers(0, 9, n), "member": rng.random(n) < 0.3,
             "colour": rng.choice(["red", "green", "blue"] + ["mauve"] * strange, n).astype(object),
             "town": np.minimum(rng.geometric(0.04, n), 90 + 90 * strange).astype(str).astype(object),
             "note": np.array([" ".join(rng.choice([*WORDS, *["Unheard"] * strange], 6)) for _ in range(n)], object)}
    for name, gap in (("age", np.nan), ("colour", None), ("note", None), ("town", None)):
        found[name][rng.random(n) < 0.1] = gap
    return found


def oracle(scale=StandardScaler, missing="median"):
    """The same by scikit-learn, on pandas frames."""
    numbers = make_pipeline(SimpleImputer(strategy=missing), scale())
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None),
        OneHotEncoder(max_categories=20, handle_unknown="infrequent_if_exist", sparse_output=False))
    return ColumnTransformer([("numbers", numbers, ["age", "visits", "member"]),
                              ("categories", categories, ["colour", "town"]),
                              ("words", TfidfVectorizer(max_features=12), "note")], sparse_threshold=0)


def frame(pandas, columns):
    """As scikit-learn wants it: floats, and no gaps in text."""
    given = pandas.DataFrame(columns)
    for name in ("colour", "town"):
        given[name] = pandas.Series(columns[name], dtype=object)
    given["note"] = [text or "" for text in columns["note"]]
    return given.astype({"member": float, "visits": float})


# ---- the same as scikit-learn ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("scale, scaler", [("standard", StandardScaler), ("robust", RobustScaler)])
@pytest.mark.parametrize("missing", ["median", "mean", "most_frequent"])
def test_equals_scikit_learn(scale, scaler, missing):
    pandas = pytest.importorskip("pandas")
    train, other = table(), table(seed=1, strange=True)
    theirs = oracle(scaler, missing).fit(frame(pandas, train))
    ours = TablePreparation(scale=scale, missing=missing, max_categories=20, max_words=12,
                            kinds={"town": "category"}).fit(train)
    assert {n: e.kind for n, e in ours.encoders.items()} == {
        "age": "number", "visits": "number", "member": "number", "colour": "category", "town": "category",
        "note": "text"}
    for given in (train, other):
        found = ours.transform(given)
        assert found.dtype == np.float32
        assert found.shape == (200, len(ours.feature_names))
        np.testing.assert_allclose(found, theirs.transform(frame(pandas, given)), rtol=1e-5, atol=1e-5)


def test_outliers_are_clipped():
    x = np.arange(101.0)
    x[-1] = 1e6
    preparation = TablePreparation(clip=(0.05, 0.95), scale=None).fit({"x": x})
    found = preparation.transform({"x": [-1e9, 50, 1e9, np.nan]})
    np.testing.assert_allclose(found[:, 0], [5, 50, 95, 50])


def test_standardised():
    found = TablePreparation().fit_transform({"x": np.arange(50) * 3.0 + 1e3, "constant": np.full(50, 7)})
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(0), [1, 0], atol=1e-6)


def test_works_in_a_pipeline_of_scikit_learn():
    rng = np.random.default_rng(0)
    x = rng.normal(5, 3, (60, 4))
    x[3, 1] = np.nan
    pipeline = make_pipeline(SimpleImputer(), StandardScaler()).fit(x)
    loader = DataLoader(TensorDataset(pipeline.transform(x).astype(np.float32), rng.integers(0, 2, 60)), 16)
    np.testing.assert_array_equal(np.concatenate([a.numpy() for a, _ in loader]), pipeline.transform(x).astype("f4"))


# ---- the kind of a column -------------------------------------------------------------------------------------------

N = 100
VARIED = np.random.default_rng(0).permutation(N)


@pytest.mark.parametrize("column, kind", [
    (np.arange(N), "number"), (np.arange(N) % 2 == 0, "number"), (["a", "b"] * (N // 2), "category"),
    ([f"no {i} of many" for i in range(N)], "text"), ([f"{i} {i % 3}" for i in range(N)], "text"),
    ([f"n{i % 60}" for i in range(2 * N)], "category"), ([f"id{i}" for i in VARIED], None), ([None] * N, None),
    (np.full(N, np.nan), None), (["red", "green", "blue"], "category"), ([1, "a"] * (N // 2), "category")])
def test_kinds(column, kind):
    preparation = TablePreparation().fit({"it": column, "x": np.ones(len(column))})
    assert ("it" in preparation.left_out) == (kind is None)
    if kind:
        assert preparation.encoders["it"].kind == kind


@pytest.mark.parametrize("name, values, out", [
    ("id", np.arange(9), True), ("Unnamed: 0", np.arange(1, 10), True), ("index", np.arange(18)[::-2], True),
    ("PassengerId", np.arange(9), True), ("customer_id", np.arange(9), True), ("paid", np.arange(9), False),
    ("ID", np.arange(9) // 2, False), ("id", np.arange(9) / 2, False),
    ("position", np.arange(9), False)])
def test_row_numbers_are_left_out(name, values, out):
    assert (name in TablePreparation().fit({name: values, "x": np.ones(9)}).left_out) == out


def test_stated_kinds():
    preparation = TablePreparation(kinds={"zip": "category", "id": "number"}, leave_out=["x"]).fit(
        {"zip": [10.0, 20.0, np.nan, 10.0], "id": [0, 1, 2, 3], "x": [1, 2, 3, 4]})
    assert preparation.feature_names == ["zip=10", "zip=20", "id"]
    assert preparation.left_out == {"x": "as asked"}
    found = preparation.transform({"zip": [10, 20], "id": [0, 3]})             # integers now
    np.testing.assert_array_equal(found[:, :2], np.eye(2))


# ---- bad input ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, message", [
    ({"missing": "mode"}, "unknown way to fill in 'mode'"), ({"scale": "minmax"}, "unknown scale 'minmax'"),
    ({"kinds": {"a": "day"}}, "unknown kind of column 'day'; choose from 'number', 'category', 'text', 'date'"),
    ({"clip": (0.9, 0.1)}, "two quantiles"), ({"max_categories": 1}, "max_categories >= 2")])
def test_settings(options, message):
    with pytest.raises(ValueError, match=message):
        TablePreparation(**options)


@pytest.mark.parametrize("given, options, message", [
    ({"a": [None, None]}, {}, r"no column can be used, all are left out: 'a' [(]it is empty[)]"),
    ({"a": ["x", "y"]}, {"kinds": {"a": "number"}}, "column 'a': expected a number, got 'x' in row 0"),
    ({"a": [1.0, np.inf]}, {}, "column 'a': expected a number, got inf in row 1"),
    ({"a": [1.0, -1e300]}, {}, r"'a': expected a number of at most 1e\+150, got -1e\+300 in row 1"),
    ({"a": ["?", "!"]}, {"kinds": {"a": "text"}}, "column 'a': expected text with words"),
    ({"age": [1]}, {"leave_out": ["aeg"]}, "no column 'aeg'; did you mean 'age'")])
def test_invalid_tables_for_fit(given, options, message):
    with pytest.raises(ValueError, match=message):
        TablePreparation(**options).fit(given)


@pytest.mark.parametrize("given, message", [
    ({"siz": [1.0], "colour": ["a"]}, "there is no column 'size'; did you mean 'siz'"),
    ({"size": ["1.5", "big"], "colour": ["a", "b"]}, "column 'size': expected a number, got 'big' in row 1"),
    ({"size": [1, -np.inf], "colour": ["a", "b"]}, "column 'size': expected a number, got -inf in row 1")])
def test_invalid_tables_for_transform(given, message):
    preparation = TablePreparation().fit({"size": [1.0, 2.0], "colour": ["a", "b"]})
    with pytest.raises(ValueError, match=message):
        preparation.transform(given)


def test_transform_accepts_gaps_and_new_categories_and_columns():
    preparation = TablePreparation(scale=None).fit({"size": [1.0, 2.0, 9.0], "colour": ["a", "b", "b"]})
    found = preparation.transform({"unknown": ["x", "y"], "colour": [None, "z"], "size": [None, 5]})
    np.testing.assert_array_equal(found, [[2, 0, 1], [5, 0, 0]])


def test_unseen_categories_are_counted():
    preparation = TablePreparation(max_categories=3).fit(
        {"size": [1.0, 2.0] * 6, "colour": ["a", "b"] * 6, "town": ["x", "y", "z", "u"] * 3})
    assert preparation.encoders["town"].other
    table = {"size": [1, 2, 3], "colour": ["c", None, "d"], "town": ["x", "new", None]}
    assert preparation.unseen(table) == {"colour": 2}
    assert preparation.unseen(table | {"colour": ["a", "b", None]}) == {}
    with pytest.raises(ValueError, match="there is no column 'colour'"):
        preparation.unseen({"size": [1], "town": ["x"]})


def test_not_fitted():
    with pytest.raises(RuntimeError, match=r"call fit\(table\) first"):
        TablePreparation().transform({"a": [1]})


# ---- as JSON --------------------------------------------------------------------------------------------------------

def test_kept_as_json():
    train, other = table(), table(seed=2, strange=True)
    ours = TablePreparation(clip=(0.01, 0.99), max_categories=20).fit(train | {"empty": [None] * 200})
    kept = TablePreparation.from_dict(json.loads(json.dumps(ours.to_dict(), allow_nan=False)))
    assert kept.feature_names == ours.feature_names
    assert kept.left_out == ours.left_out == {"empty": "it is empty"}
    assert kept.transform(other).tobytes() == ours.transform(other).tobytes()
    assert kept.to_dict() == ours.to_dict()


NUMBER = {"name": "a", "kind": "number", "fill": 0.0, "low": None, "high": None, "mean": 0.0, "scale": 1.0}
FORM = {"form": None, "gaps": []}
CATEGORY = {"name": "a", "kind": "category", "fill": "x", "categories": ["x"], "other": False,
            "any_case": False}
TEXT = {"name": "a", "kind": "text", "words": ["x"], "idf": [1.0]}


@pytest.mark.parametrize("given", [
    None, [], {}, {"columns": []}, {"columns": [], "left_out": {}}, {"columns": [NUMBER]}, *(
        {"columns": columns, "left_out": {}} for columns in (
            5, [5], [NUMBER, NUMBER], [{**NUMBER, "name": 5}], [{**NUMBER, "kind": "pickle"}], [{**NUMBER, "kind": []}],
            [{**NUMBER, "scale": 0}], [{**NUMBER, "fill": "0"}], [{**NUMBER, "fill": 10**400}],
            [{**NUMBER, "mean": float("nan")}],
            [{**NUMBER, "more": 1}], [{**NUMBER, "function": 1}], [{k: v for k, v in NUMBER.items() if k != "fill"}],
            [{**CATEGORY, "categories": "x"}], [{**CATEGORY, "categories": ["x", "x"]}], [{**CATEGORY, "other": 7}],
            [{**CATEGORY, "categories": [[]]}], [{**TEXT, "idf": []}], [{**TEXT, "idf": ["1"]}],
            [{**TEXT, "words": None}]))])
def test_invalid_dictionaries(given):
    with pytest.raises(ValueError, match=r"expected|column twice"):
        TablePreparation.from_dict(given)


@pytest.mark.parametrize("entry", [NUMBER, CATEGORY, TEXT])
def test_valid_dictionaries(entry):
    found = TablePreparation.from_dict({"columns": [entry], "left_out": {}}).to_dict()["columns"]
    assert found == [entry | (FORM if entry is NUMBER else {})]


# ---- targets --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("values, task, classes", [
    (["b", "a", "b"], "classification", ["a", "b"]), ([True, False], "classification", [False, True]),
    ([2, 0, 2, 0], "classification", [0, 2]), ([1.0, 2.0, 1.0, 2.0], "classification", [1, 2]),
    ([0.5, 1.0], "regression", None), (np.arange(50), "regression", None), (np.arange(100) % 30, "regression", None),
    (np.arange(100) % 10, "classification", list(range(10))), ([1, 2, 3], "regression", None),
    (np.array([1, "a"] * 3, object), "classification", [1, "a"])])
def test_tasks(values, task, classes):
    target = TargetPreparation().fit(values)
    assert (target.task, target.classes) == (task, classes)
    found = target.transform(values)
    assert found.dtype == (np.int64 if classes else np.float32)
    assert target.inverse(found).tolist() == np.asarray(values).tolist()
    kept = TargetPreparation.from_dict(json.loads(json.dumps(target.to_dict())))
    assert kept.transform(values).tobytes() == found.tobytes()


def test_stated_tasks():
    assert TargetPreparation("classification").fit(np.arange(50)).classes == list(range(50))
    assert TargetPreparation("regression").fit([1, 1, 2, 2]).transform([2]).dtype == np.float32
    with pytest.raises(ValueError, match="unknown task 'ranking'"):
        TargetPreparation("ranking")


def test_regression_targets_are_standardised_on_request():
    values = np.array([10.0, 20.0, 30.5])
    plain, target = TargetPreparation().fit(values), TargetPreparation(standardise=True).fit(values)
    np.testing.assert_array_equal(plain.transform(values), values)
    np.testing.assert_allclose(target.transform(values).std(), 1, rtol=1e-6)
    np.testing.assert_allclose(target.inverse(target.transform(values)), values, rtol=1e-6)
    kept = TargetPreparation.from_dict(target.to_dict())
    np.testing.assert_array_equal(kept.inverse(target.transform(values)), target.inverse(target.transform(values)))


@pytest.mark.parametrize("offset, spread", [(0.0, 1.0), (2459000.5, 30.0), (1.7e9, 10.0), (1.7e12, 1e4), (-1e15, 1e3)])
def test_a_spread_far_from_zero_is_kept(offset, spread):
    """float32 has 7 digits: Julian dates and timestamps are shifted in float64, and come back in float64."""
    values = offset + spread * np.linspace(-1, 1, 41)
    target = TargetPreparation("regression", standardise=True).fit(values)
    found = target.transform(values)
    assert found.dtype == np.float32 and abs(found.mean()) < 1e-5 and abs(found.std() - 1) < 1e-5
    np.testing.assert_allclose(target.inverse(found) - offset, values - offset, rtol=0, atol=1e-6 * spread)
    assert target.inverse(found).dtype == (np.float64 if offset else np.float32)


@pytest.mark.parametrize("constant", [0.1, 1e6 + 0.1, -3.3e9, 0.0])
def test_a_constant_target_has_the_scale_one(constant):
    target = TargetPreparation("regression", standardise=True).fit(np.full(1000, constant))
    assert (target.mean, target.scale) == (constant, 1.0)
    assert target.inverse(target.transform([constant])).tolist() == pytest.approx([constant], rel=1e-7)


def test_a_spread_lost_in_float32_is_an_error():
    with pytest.raises(ValueError, match=r"the target: float32 rounds .* only 5.92, .*standardise=True"):
        TargetPreparation().fit(1.7e9 + np.linspace(-10, 10, 41))
    TargetPreparation().fit(2459000 + np.linspace(-1000, 1000, 41))


def test_unseen_labels():
    target = TargetPreparation().fit(["cat", "dog"])
    with pytest.raises(ValueError, match=r"not seen in training: 'cow', 'fox'; expected 'cat', 'dog'"):
        target.transform(["cat", "fox", "cow", "fox"])
    with pytest.raises(ValueError, match=r"not seen in training: '3'; expected 'cat', 'dog'"):
        target.transform([3])
    with pytest.raises(ValueError, match=r"not seen in training: 'x'; expected 1, 2"):
        TargetPreparation().fit([1, 2, 1, 2]).transform(["1", "x"])


@pytest.mark.parametrize("values, task, message", [
    (["a", "a"], None, "expected at least two classes, got only 'a'"), ([], None, "at least one value, got none"),
    ([0.5, -1e200], None, r"the target: expected a number of at most 1e\+150, got -1e\+200 in row 1"),
    (["a", None], None, "the target: 1 value is NaN"), ([0.5, np.nan], None, "nan in row 1"),
    ([0.5, np.inf], "regression", "inf in row 1"), (["a", "b"], "regression", "numbers for a regression, got 'a'"),
    ([0.5, 1.5], "classification", r"as labels of classes, got 0.5 \(float\)"), ([[1, 2]], None, "one dimension")])
def test_invalid_targets(values, task, message):
    with pytest.raises(ValueError, match=message):
        TargetPreparation(task).fit(values)


@pytest.mark.parametrize("given", [
    None, {}, {"task": "ranking"}, {"task": []}, {"task": "classification"},
    {"task": "classification", "classes": [[]]},
    {"task": "classification", "classes": ["a", "a"]}, {"task": "classification", "classes": "ab"},
    {"task": "regression", "mean": 0.0}, {"task": "regression", "mean": 0.0, "scale": 0.0},
    {"task": "regression", "mean": float("inf"), "scale": 1.0}, {"task": "regression", "mean": 10**400, "scale": 1.0}])
def test_invalid_dictionaries_of_a_target(given):
    with pytest.raises(ValueError, match="the dictionary of a target"):
        TargetPreparation.from_dict(given)
