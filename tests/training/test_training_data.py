"""Data as people have it, given to a Trainer: frames of any columns, lists of inputs, one-hot classes, far targets."""
import decimal

import numpy as np
import pytest
from training_tools import batches_of, blobs, weights

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

N = 48
RNG = np.random.default_rng(0)
Y = RNG.standard_normal(N).astype(np.float32)


def linear(inputs, **options):
    fastnet.manual_seed(0)
    return fastnet.Trainer(nn.Linear(inputs, 1), loss="mse", **options)


def fitted(t, x, y=Y, **options):
    t.fit(x, y, epochs=2, progress=False, **options)
    return t


# ---- frames ---------------------------------------------------------------------------------------------------------

COLUMNS = {
    "bool beside float": lambda pd: {"a": RNG.random(N), "b": RNG.random(N) > 0.5},
    "integers": lambda pd: {"a": np.arange(N), "b": np.arange(N, dtype=np.uint8)},
    "float32 beside int64": lambda pd: {"a": RNG.random(N).astype(np.float32), "b": np.arange(N)},
    "nullable": lambda pd: {"a": pd.array(np.arange(N), "Int64"), "b": pd.array(RNG.random(N), "Float64"),
                            "c": pd.array(RNG.random(N) > 0.5, "boolean")},
    "pyarrow": lambda pd: {"a": pd.array(np.arange(N), "int64[pyarrow]"),
                           "b": pd.array(RNG.random(N), "float[pyarrow]"),
                           "c": pd.array(RNG.random(N) > 0.5, "bool[pyarrow]")},
    "objects": lambda pd: {"a": np.array([1, 2.5, True] * 16, object), "b": [decimal.Decimal("0.5")] * N},
    "categories of numbers": lambda pd: {"a": pd.Categorical([3, 1, 2] * 16), "b": np.ones(N)},
}


@pytest.mark.parametrize("columns", COLUMNS)
def test_a_frame_of_numbers_is_the_matrix_of_them(columns):
    pd = pytest.importorskip("pandas")
    if columns == "pyarrow":
        pytest.importorskip("pyarrow")
    frame = pd.DataFrame(COLUMNS[columns](pd))
    matrix = np.stack([frame[name].to_numpy(np.float32) for name in frame], 1)
    t, expected = fitted(linear(frame.shape[1]), frame), fitted(linear(frame.shape[1]), matrix)
    assert weights(t) == weights(expected)
    assert t.evaluate(frame, Y) == t.evaluate(matrix, Y)
    assert t.predict(frame).tobytes() == t.predict(matrix).tobytes()
    assert t.predict(frame.iloc[:1]).shape == (1,)


def test_dummies_train():
    pd = pytest.importorskip("pandas")
    frame = pd.get_dummies(pd.DataFrame({"size": np.arange(N) / 9, "colour": ["red", "blue", "red"] * 16}))
    t = fitted(linear(3), frame, pd.Series(Y, dtype="Float64"), validation_data=(frame, pd.Series(Y)))
    assert t.predict(frame).shape == (N,)


def test_a_polars_frame_trains():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": np.arange(N), "b": [True, False] * (N // 2), "c": RNG.random(N)})
    matrix = frame.cast(pl.Float32).to_numpy()
    t = fitted(linear(3), frame, pl.Series(Y))
    assert weights(t) == weights(fitted(linear(3), matrix))
    assert t.predict(frame).tobytes() == t.predict(matrix).tobytes()
    with pytest.raises(ValueError, match=r"x, column 'b': 1 value is NaN .* row 1"):
        t.predict(pl.DataFrame({"a": [1, 2], "b": [True, None], "c": [0.5, 1.0]}))


@pytest.mark.parametrize("make, error, message", [
    (lambda pd: ["red", 3] * 24, TypeError, "other values: 'b', such as 'red'"),
    (lambda pd: pd.array([1, None] * 24, "Int64"), ValueError, "x, column 'b': 24 values are NaN .* row 1"),
    (lambda pd: pd.array([True, None] * 24, "boolean"), ValueError, "x, column 'b': 24 values are NaN"),
    (lambda pd: [0.5, None] * 24, ValueError, "x, column 'b': 24 values are NaN"),
    (lambda pd: pd.date_range("2020", periods=N), TypeError, "other values: 'b', such as Timestamp"),
    (lambda pd: ["1.5"] * N, TypeError, "'b' holds numbers as text, such as '1.5'")])
def test_a_column_that_is_no_numbers_is_named(make, error, message):
    pd = pytest.importorskip("pandas")
    good = pd.DataFrame({"a": np.arange(N), "b": np.ones(N)})
    frame, t = good.assign(b=make(pd)), fitted(linear(2), good)
    for call in (lambda: t.fit(frame, Y), lambda: t.evaluate(frame, Y), lambda: t.predict(frame)):
        with pytest.raises(error, match=message):
            call()


def test_targets_of_frames_and_series():
    pd = pytest.importorskip("pandas")
    x, y = blobs(N)
    expected = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy")
    state = {name: value.clone() for name, value in expected.model.state_dict().items()}
    fitted(expected, x, y)
    for given in (pd.DataFrame({"y": y}), pd.Series(y, dtype="Int64"), pd.Series(y, dtype="uint8"), y.astype(object),
                  pd.Series(y, index=np.arange(N)[::-1]), list(y), pd.get_dummies(y), pd.get_dummies(y, dtype=int)):
        t = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy")
        t.model.load_state_dict(state)
        assert weights(fitted(t, x, given)) == weights(expected)


def test_a_float64_model_keeps_the_digits_of_a_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1e9 + 1, 1e9 + 2], "b": [1, 2]})
    t = fastnet.Trainer(nn.Linear(2, 1, bias=False).double(), loss="mse")
    assert np.ptp(t.decision_function(frame) - t.decision_function(frame.to_numpy(np.float64))) == 0


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float16, ">f4", object])
def test_numbers_of_any_kind_feed_layers_of_floats(dtype):
    x = RNG.integers(0, 2, (N, 3))
    t = fitted(linear(3), x.astype(dtype))
    assert weights(t) == weights(fitted(linear(3), x.astype(np.float32)))
    assert t.predict([[1, 0, 1]]).shape == (1,)


def test_batches_of_integers_feed_layers_of_floats(tmp_path):
    x = RNG.integers(0, 9, (N, 3), dtype=np.uint8)
    expected = fitted(linear(3), x.astype(np.float32), shuffle=False)
    np.save(tmp_path / "x.npy", x)
    for given in ((np.load(tmp_path / "x.npy", mmap_mode="r"), Y),
                  (batches_of([(x[:32], Y[:32]), (x[32:], Y[32:])]), None)):
        assert weights(fitted(linear(3), *given, shuffle=False)) == weights(expected)
    assert expected.predict(batches_of([x])).tobytes() == expected.predict(x).tobytes()


def test_an_embedding_gets_integers():
    pd = pytest.importorskip("pandas")
    numbers = RNG.integers(0, 5, (N, 2))
    fastnet.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(8, 1))
    t = fitted(fastnet.Trainer(model, loss="mse"), pd.DataFrame(numbers, columns=["a", "b"]))
    assert t.predict(numbers).shape == (N,)


# ---- several inputs -------------------------------------------------------------------------------------------------

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        fastnet.manual_seed(0)
        self.a, self.b = nn.Linear(2, 1), nn.Linear(3, 1)

    def forward(self, a, b):
        return self.a(a) + self.b(b)


def test_a_list_of_arrays_is_several_inputs_of_a_model_that_takes_them():
    pd = pytest.importorskip("pandas")
    a, b = RNG.standard_normal((N, 2)), RNG.integers(0, 9, (N, 3)) > 4
    frame = pd.DataFrame(b, columns=list("pqr"))
    expected = fitted(fastnet.Trainer(Two(), loss="mse"), (a, b.astype(np.float32)))
    t = fitted(fastnet.Trainer(Two(), loss="mse"), [a, frame], validation_data=([a, frame], Y))
    assert weights(t) == weights(expected)
    assert t.predict([a, frame]).tobytes() == expected.predict((a, b.astype(np.float32))).tobytes()
    assert t.evaluate([a, frame], Y) == expected.evaluate((a, b.astype(np.float32)), Y)


def test_a_list_of_rows_for_a_model_of_optional_inputs():
    class Optional(Two):
        def forward(self, a, b=None):
            return self.a(a) if b is None else self.a(a) * b
    x = RNG.standard_normal((N, 2)).astype(np.float32)
    expected = fitted(fastnet.Trainer(Optional(), loss="mse"), x)
    assert weights(fitted(fastnet.Trainer(Optional(), loss="mse"), list(x))) == weights(expected)
    assert weights(fitted(fastnet.Trainer(Optional(), loss="mse"), [x, x[:, :1]])) != weights(expected)


def test_a_list_of_arrays_for_a_model_of_one_input():
    a, b = np.zeros((N, 2), np.float32), np.zeros((N, 3), np.float32)
    with pytest.raises(ValueError, match=r"list of arrays of different shapes.*whose forward takes as many"):
        linear(2).fit([a, b], Y)
    with pytest.raises(ValueError, match=r"x has 2 samples and y has 48; .* forward does not take 2 inputs"):
        linear(2).fit([a, a], Y)
    assert fitted(linear(2), list(a)).predict(list(a)).shape == (N,)        # rows


@pytest.mark.parametrize(("rows", "message"), [
    ([[1.0, 2.0], [3.0]], "row 0 has 2 values, row 1 has 1"),
    ([[1.0, 2.0], 3.0], "row 0 has 2 values, row 1 is a number"),
    ([1.0, 2.0, [3.0]], "row 0 is a number, row 2 has 1"),
    ([[[1.0], [2.0]], [[3.0], [4.0, 5.0]]], "in row 1: row 0 has 1 value, row 1 has 2")])
def test_rows_of_different_lengths_are_named(rows, message):
    message = f"x must be an array, or rows of one shape: {message}"
    for call in (linear(2).predict, lambda x: linear(2).fit(x, [0.0] * len(x))):
        with pytest.raises(ValueError, match=message):
            call(rows)
    with pytest.raises(ValueError, match=r"^y must be an array, or rows of one shape: row 0 has 1 value, row 1 has 2"):
        linear(2).fit([[1.0, 2.0]] * 2, [[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match=message.removeprefix("x must be an array, or rows of one shape: ")):
        fastnet.tensor(rows)


def test_numbers_as_text():
    for library in ("pandas", "polars"):
        frame = pytest.importorskip(library).DataFrame({"a": [1.0, 2.0], "b": ["1.5", "2"]})
        with pytest.raises(TypeError, match=r"^x: expected .* but column 'b' holds numbers as text, such as '1.5'"
                                            r"; convert it \(.astype\(float\) in pandas, .cast\(float\) in polars\)"):
            linear(2).fit(frame, [0.0, 1.0])
    with pytest.raises(TypeError, match=r"got '1.5', which is text; convert it with np.asarray\(..., float\)"):
        linear(2).fit([["1.5", "2"]] * 2, [0.0, 1.0])


def test_a_spread_that_float32_loses_is_told():
    x = np.stack([RNG.standard_normal(N), 1.7e9 + RNG.standard_normal(N), np.full(N, 1.7e9)], axis=1)
    inputs = {"1": x, "'b'": pytest.importorskip("pandas").DataFrame(x, columns=["a", "b", "c"])}
    for named, given in inputs.items():
        with pytest.warns(UserWarning, match=rf"^x: float32 rounds away the differences in the columns {named}, whose"):
            linear(3).fit(given, Y, progress=False)
    loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, Y[:, None]), 16)
    with pytest.warns(UserWarning, match=r"^x: float32 rounds away the differences in the columns 1, whose"):
        linear(3).fit(loader, progress=False)
    linear(3).fit(x - x.mean(0), Y, progress=False)
    linear(3).predict(x)                                    # of what was learnt it is known
    linear(2).fit(x[:, ::2], Y, progress=False)             # a constant has no differences


# ---- classes --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, bool, np.float32])
@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"validation_split": 0.25}], ids=str)
def test_one_hot_classes_are_classes(dtype, options):
    if dtype == np.float32 and options:
        pytest.skip("probabilities have no class")
    x, y = blobs(60)

    def trained(given):
        fastnet.manual_seed(0)
        t = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy", metrics=["accuracy"])
        return fitted(t, *given, **options)
    expected, t = trained((x, y)), trained((x, np.eye(3)[y].astype(dtype)))
    for a, b in zip(t.model.parameters(), expected.model.parameters()):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5)
    assert t.evaluate(x, np.eye(3)[y].astype(dtype))["accuracy"] == expected.evaluate(x, y)["accuracy"]
    if dtype != np.float32 and not options:
        loader = fastnet.data.DataLoader(fastnet.data.TensorDataset(x, np.eye(3)[y].astype(dtype)), 32, shuffle=True)
        assert weights(trained((loader, None))) == weights(expected)


def test_rows_of_integers_that_a_loader_gives():
    x, y = blobs(30)
    hot = np.eye(3, dtype=int)[y]
    t = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy")
    with pytest.raises(ValueError, match=r"integers of shape \(10, 3\), .* give one-hot rows as bools"):
        t.fit(batches_of([(x[:10], hot[:10])]), progress=False)
    t.fit(batches_of([(x[:10], hot[:10] > 0)]), progress=False)


def test_a_few_labels_of_sequences_that_look_one_hot():
    class Sequences(nn.Module):                         # (N, 2) to (N, 2 classes, 2 places)
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 4)

        def forward(self, input):
            return self.linear(input).reshape(-1, 2, 2)
    x = RNG.standard_normal((9, 2)).astype(np.float32)
    labels = np.array([[0, 1], [1, 1], [1, 0]] * 3)
    t = fastnet.Trainer(Sequences(), loss="cross_entropy")
    for given in ((x, labels), (batches_of([(x[:1], labels[:1])]), None)):
        t.fit(*given, batch_size=1, progress=False)
        assert np.isfinite(t.history["loss"]).all()


def test_rows_that_mark_several_classes():
    x, y = blobs(30)
    marks = np.eye(3, dtype=bool)[y]
    marks[4] = True
    with pytest.raises(ValueError, match=r"y\[4\] marks 3 classes, expected one in each row; .*binary_cross_entropy"):
        fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy").fit(x, marks)


def focal(output, target):
    """One number for each sample."""
    return F.cross_entropy(output, target, reduction="none") * 2


def test_a_function_as_loss_with_its_task():
    x, y = blobs(60)
    fastnet.manual_seed(0)
    t = fastnet.Trainer(nn.Linear(2, 3), loss=focal, task="classification", metrics=["accuracy"])
    fitted(t, x, y.astype(np.int32)[:, None], class_weight="balanced")
    assert set(t.predict(x)) <= {0, 1, 2} and t.predict_proba(x).shape == (60, 3)
    np.testing.assert_allclose(t.predict_proba(x).sum(1), 1, rtol=1e-5)
    fastnet.manual_seed(0)
    named = fastnet.Trainer(nn.Linear(2, 3), loss="cross_entropy")
    fitted(named, x, y, class_weight="balanced")
    np.testing.assert_allclose(t.history["loss"], 2 * np.array(named.history["loss"]), rtol=1e-5)


def test_a_function_as_binary_loss():
    x, y = blobs(60, classes=2)
    t = fastnet.Trainer(nn.Linear(2, 1), loss=lambda o, t: F.binary_cross_entropy_with_logits(o, t, reduction="none"),
                        task="binary")
    fitted(t, x, y, class_weight={0: 1, 1: 3})
    assert set(t.predict(x)) <= {0, 1} and t.predict_proba(x).shape == (60, 2)


@pytest.mark.parametrize("options, error, message", [
    ({"loss": focal, "task": "ranking"}, ValueError, "unknown task 'ranking'; choose from 'classification', 'binary'"),
    ({"loss": "mse", "task": "binary"}, ValueError, "expected task='regression' or None"),
    ({"loss": nn.MSELoss}, TypeError, r"the class MSELoss; create an instance: MSELoss\(\)")])
def test_losses_and_tasks_that_do_not_fit(options, error, message):
    with pytest.raises(error, match=message):
        fastnet.Trainer(nn.Linear(2, 3), **options)


def test_class_weights_of_a_function_want_a_loss_of_each_sample():
    x, y = blobs(30)
    t = fastnet.Trainer(nn.Linear(2, 3), loss=F.cross_entropy, task="classification")
    with pytest.raises(ValueError, match=r"let the function return \(N,\), as with reduction='none'"):
        t.fit(x, y, class_weight="balanced", progress=False)


# ---- targets far from zero ------------------------------------------------------------------------------------------

def test_targets_whose_spread_float32_rounds_away():
    x = RNG.standard_normal((N, 2))
    y = 1.7e9 + 10 * x[:, 0]
    for given in (y, list(y), np.stack([x[:, 0], y], 1), np.rint(y).astype(np.int64)):
        t = fastnet.Trainer(nn.Linear(2, np.ndim(given)), loss="mse")
        with pytest.raises(ValueError, match=r"y: float32 rounds values .*standardise them first: .*TargetPreparation"):
            t.fit(x, given, progress=False)
    double = fastnet.Trainer(nn.Linear(2, 1).double(), loss="mse")
    fitted(double, x, y)
    target = fastnet.data.TargetPreparation("regression", standardise=True).fit(y)
    t = fastnet.Trainer(nn.Linear(2, 1), "adam", lr=0.05, loss="mse")
    t.fit(x, target.transform(y), epochs=200, progress=False)
    error = target.inverse(t.predict(x)) - y
    assert 1 - error.var() / y.var() > 0.999


@pytest.mark.parametrize("large", ["x", "y"])
def test_numbers_that_float32_does_not_have(large):
    data = {"x": np.ones((4, 2)), "y": np.zeros(4)}
    data[large][2] = 1e300
    with pytest.raises(ValueError, match=f"{large} in float32: .* row 2"):
        linear(2).fit(data["x"], data["y"], progress=False)
