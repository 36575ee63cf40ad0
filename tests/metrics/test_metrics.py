"""Metrics: shapes, errors, names, states, and how they are measured in compiled functions."""
import json
import math

import numpy as np
import pytest
from metric_tools import samples, updated
from program_tools import batch, network

import fastnet
from fastnet import metrics
from fastnet._core.errors import shape_text
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

NAMES = {"accuracy": "classes", "top_2": "classes", "precision": "classes", "recall": "binary", "f1": "labels",
         "confusion_matrix": "classes", "jaccard_index": "classes", "auc": "labels", "mae": "numbers", "mse": "columns",
         "rmse": "numbers", "r2": "columns"}
CLASSIFIERS = [name for name in NAMES if name not in ("mae", "mse", "rmse", "r2")]
LOGITS, CLASSES = np.zeros((2, 3), np.float32), np.array([0, 2])


# ---- names ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    metric = metrics.get(name)
    assert metric.name == name
    assert repr(metric) == f"{type(metric).__name__}({'k=2' if name == 'top_2' else ''})"
    order = {"mae": False, "mse": False, "rmse": False, "confusion_matrix": None}
    assert metric.larger_is_better is order.get(name, True)


def test_names_can_be_chosen():
    assert metrics.F1(average="micro", name="micro_f1").name == "micro_f1"
    assert metrics.TopKAccuracy(3, name="top").name == "top"
    assert metrics.Accuracy(name="right").name == "right"


def test_repr_shows_options():
    assert repr(metrics.F1("micro", 1, "f")) == "F1(average='micro', zero_division=1.0, name='f')"
    assert repr(metrics.TopKAccuracy(3, name="top")) == "TopKAccuracy(k=3, name='top')"


@pytest.mark.parametrize("name", NAMES)
def test_get_gives_a_new_one(name):
    used = updated(metrics.get(name), *samples(NAMES[name], 9))
    before = used.compute()
    fresh = metrics.get(used)
    with pytest.raises(RuntimeError, match=f"{name}: expected at least one sample before compute"):
        fresh.compute()
    updated(fresh, *samples(NAMES[name], 9, seed=1))
    np.testing.assert_array_equal(used.compute(), before)


def test_get_keeps_settings():
    got = metrics.get(metrics.F1("micro", 1.0, name="f"))
    assert (got.name, got.average, got.zero_division) == ("f", "micro", 1.0)


@pytest.mark.parametrize("spec", ["acuracy", "top_0", "top_", "top_5_", 3, None])
def test_unknown_names(spec):
    with pytest.raises(ValueError, match=r"unknown metric .*[;?] [cC]hoose from 'accuracy', 'auc', .*'top_5'"):
        metrics.get(spec)


# ---- updating, computing and resetting ------------------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_nothing_accumulated(name):
    metric, (output, target) = metrics.get(name), samples(NAMES[name], 9)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"{name}: expected at least one sample before compute"):
            metric.compute()
        metric.update(output[:0], target[:0])           # none is not some
    metric.update(output, target)
    metric.compute()
    metric.reset()
    with pytest.raises(RuntimeError, match="at least one sample"):
        metric.compute()


@pytest.mark.parametrize("name", NAMES)
def test_update_after_compute(name):
    output, target = samples(NAMES[name], 20)
    metric = metrics.get(name)
    metric.update(output[:7], target[:7])
    metric.compute()
    metric.update(output[7:], target[7:])
    np.testing.assert_allclose(metric.compute(), updated(metrics.get(name), output, target).compute(), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("some", [0, 11])
def test_state_round_trip(name, some):
    """A state survives JSON, and the restored metric continues like one that was never stopped."""
    output, target = samples(NAMES[name], 20)
    metric = updated(metrics.get(name), output[:some], target[:some])
    state = metric.state_dict()
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in state.items()}
    assert all(type(v) in (int, list) for v in plain.values())
    wanted = updated(metric, output[some:], target[some:]).compute()
    for kept in (state, json.loads(json.dumps(plain))):
        resumed = metrics.get(name)
        resumed.load_state_dict(kept)
        np.testing.assert_array_equal(updated(resumed, output[some:], target[some:]).compute(), wanted)


def test_a_state_is_a_copy():
    metric, data = metrics.ConfusionMatrix(), (LOGITS, CLASSES)
    state = updated(metric, *data).state_dict()
    metric.update(*data)
    assert state["table"].sum() == 2
    metric.load_state_dict(state)
    metric.update(*data)
    assert state["table"].sum() == 2 and metric.compute().sum() == 4


def test_a_state_of_another_metric():
    with pytest.raises(ValueError, match="mse: expected a state with the entries count, sums, got count, right"):
        metrics.MSE().load_state_dict(metrics.Accuracy().state_dict())
    with pytest.raises(ValueError, match="auc: expected a state with the entries outputs, targets, got an empty state"):
        metrics.AUC().load_state_dict({})


def test_auc_keeps_copies():
    scores, targets = np.array([0.0, 1.0], np.float32), np.array([0, 1])
    metric = updated(metrics.AUC(), scores, targets)
    scores[:], targets[:] = [1, 0], 1
    assert metric.compute() == 1


def test_absent_classes_count():
    metric = updated(metrics.ConfusionMatrix(), LOGITS, CLASSES)
    np.testing.assert_array_equal(metric.compute(), [[1, 0, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(updated(metrics.Recall(None), LOGITS, CLASSES).compute(), [1, 0, 0])
    np.testing.assert_array_equal(updated(metrics.Recall(None, math.nan), LOGITS, CLASSES).compute(), [1, math.nan, 0])


def test_a_logit_of_zero_is_class_0():
    assert updated(metrics.Accuracy(), np.zeros(3, np.float32), np.array([0, 0, 1])).compute() == 2 / 3


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float32", "float64"])
def test_binary_targets_of_any_dtype(dtype):
    output, target = samples("binary", 30)
    for name in ("accuracy", "f1", "auc"):
        wanted = updated(metrics.get(name), output, target).compute()
        assert updated(metrics.get(name), output, target.astype(dtype)).compute() == wanted


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
def test_classes_of_any_whole_dtype(dtype):
    output, target = samples("two", 30)
    for name in ("accuracy", "top_1", "f1", "auc"):
        wanted = updated(metrics.get(name), output, target).compute()
        assert updated(metrics.get(name), output, target.astype(dtype)).compute() == wanted


def test_columns_equal_rows():
    output, target = samples("numbers", 30)
    for o, t in [(output[:, None], target), (output, target[:, None])]:
        assert updated(metrics.R2(), o, t).compute() == updated(metrics.R2(), output, target).compute()
    output, target = samples("binary", 30)
    assert updated(metrics.F1(), output[:, None], target).compute() == updated(metrics.F1(), output, target).compute()


def test_boxes_of_numbers():
    output, target = samples("columns", 20)
    box, flat = (updated(metrics.RMSE(), output.reshape(shape), target.reshape(shape)).compute()
                 for shape in ((10, 2, 3), (10, 6)))
    assert box == flat


# ---- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, target", [
    ((2, 3), (3,)), ((2,), (3,)), ((2, 3), (2, 4)), ((2, 3, 4), (2, 3)), ((), ()), ((2,), (2, 3)), ((2, 3), ())])
@pytest.mark.parametrize("name", NAMES)
def test_shape_mismatch(name, output, target):
    with pytest.raises(ValueError) as info:
        metrics.get(name).update(np.zeros(output, np.float32), np.zeros(target, np.int64))
    for part in (f"{name}: ", shape_text(output), shape_text(target), "expected"):
        assert part in str(info.value)


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_out_of_range(name, bad):
    metric = updated(metrics.get(name), LOGITS, CLASSES)
    state = metric.state_dict()
    with pytest.raises(IndexError, match=f"class {bad} at position 1 is out of range: expected 0 <= class < 3"):
        metric.update(LOGITS, np.array([0, bad]))
    np.testing.assert_equal(metric.state_dict(), state)


@pytest.mark.parametrize("bad", [2, -1, 0.5, math.nan])
@pytest.mark.parametrize("name", ["accuracy", "f1", "confusion_matrix", "auc"])
def test_binary_targets_out_of_range(name, bad):
    metric = metrics.get(name)
    with pytest.raises(ValueError, match=f"{name}: expected targets of 0 or 1, got {float(bad)} at position 1"):
        metric.update(np.zeros(3, np.float32), np.array([0.0, bad, 1.0]))
    with pytest.raises(ValueError, match=rf"{name}: expected targets of 0 or 1, got {float(bad)} at position \(1, 0\)"):
        metric.update(np.zeros((2, 2), np.float32), np.array([[0.0, 1.0], [bad, 1.0]]))
    with pytest.raises(RuntimeError, match="at least one sample"):
        metric.compute()


@pytest.mark.parametrize("name", NAMES)
def test_nan_outputs(name):
    metric, (output, target) = metrics.get(name), samples(NAMES[name], 9)
    output[4] = math.nan
    with pytest.raises(ValueError, match=f"{name}: expected .*NaN"):
        metric.update(output, target)
    with pytest.raises(RuntimeError, match="at least one sample"):
        metric.compute()


@pytest.mark.parametrize("name", ["auc", "mae", "mse", "rmse", "r2"])
def test_infinite_outputs(name):
    output, target = samples(NAMES[name], 9)
    output[4] = math.inf
    with pytest.raises(ValueError, match=f"{name}: expected .*infini"):
        metrics.get(name).update(output, target)


def test_infinite_logits_are_in_order():
    logits = np.array([[-math.inf, 0], [math.inf, 0]], np.float32)
    assert updated(metrics.Accuracy(), logits, np.array([1, 0])).compute() == 1


@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "r2"])
def test_nan_targets(name):
    output, target = samples(NAMES[name], 9)
    target[0] = math.nan
    with pytest.raises(ValueError, match=f"{name}: .*NaN"):
        metrics.get(name).update(output, target)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_unsupported_dtypes(name):
    with pytest.raises(TypeError, match=f"{name}: expected logits as outputs, float32 or float64, got int64"):
        metrics.get(name).update(CLASSES, CLASSES)
    with pytest.raises(TypeError, match=f"{name}: expected integers as class numbers, got float64"):
        metrics.get(name).update(LOGITS, CLASSES.astype(float))


@pytest.mark.parametrize("name", ["f1", "confusion_matrix", "auc", "mse", "r2"])
def test_batches_of_different_shapes(name):
    one, other = ("numbers", "columns") if NAMES[name] == "columns" else ("classes", "two")
    metric = updated(metrics.get(name), *samples(one, 9))
    with pytest.raises(ValueError, match=f"{name}: expected .* as in earlier batches, got .*; call reset"):
        metric.update(*samples(other, 9))


def test_invalid_settings():
    with pytest.raises(ValueError, match="unknown average 'samples'; choose from 'auto', 'binary', 'macro'"):
        metrics.F1(average="samples")
    with pytest.raises(ValueError, match=r"Recall: expected a zero_division of 0, 1 or NaN, got 0\.5"):
        metrics.Recall(zero_division=0.5)
    with pytest.raises(ValueError, match="expected k to be at least 1, got 0"):
        metrics.TopKAccuracy(0)
    with pytest.raises(ValueError, match=r"top_2: expected outputs \(N, C\) .*, got \(9,\) and \(9,\)"):
        metrics.TopKAccuracy(2).update(*samples("binary", 9))


# ---- undefined results ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("output, target, words", [
    ((2,), [1, 1], "every sample has class 1"), ((2,), [0, 0], "no sample has class 1"),
    ((2, 2), [0, 0], "no sample has class 1"), ((3, 3), [0, 1, 1], "no sample has class 2"),
    ((2, 2), [[0, 1], [1, 1]], "every sample has label 1")])
def test_auc_of_one_class(output, target, words):
    metric = updated(metrics.AUC(), np.zeros(output, np.float32), np.array(target))
    with pytest.warns(UserWarning, match=f"auc: {words}, so the area is undefined; the result is NaN"):
        assert math.isnan(metric.compute())


def test_r2_of_one_sample():
    metric = updated(metrics.R2(), np.zeros(1), np.ones(1))
    with pytest.warns(UserWarning, match="r2: undefined for a single sample; the result is NaN"):
        assert math.isnan(metric.compute())


# ---- in compiled functions ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", NAMES)
def test_measured_in_a_compiled_function(name):
    """Replays, and a batch of another size, give what update gives."""
    metric, wanted = metrics.get(name), metrics.get(name)
    measure = fastnet.compile(lambda output, target: metric.measure(output, target))
    for seed, n in enumerate((20, 20, 20, 5)):
        output, target = samples(NAMES[name], n, seed)
        metric.accumulate(*(v.numpy() for v in measure(fastnet.tensor(output), fastnet.tensor(target))))
        wanted.update(output, target)
    np.testing.assert_array_equal(metric.compute(), wanted.compute())
    assert len(measure) == 2


def test_measured_in_a_training_step():
    """Metrics change nothing of a step, take gradients from nobody, and a class out of range stops it in time."""
    watched = [metrics.get(name) for name in ("accuracy", "top_2", "f1", "confusion_matrix", "auc")]

    def training(metrics):
        model = network(norm=True)
        optimizer = fastnet.optim.AdamW(model.parameters(), lr=0.1)

        @fastnet.compile
        def step(x, y):
            optimizer.zero_grad()
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            loss.backward()
            optimizer.step()
            return loss.detach(), logits.detach(), [metric.measure(logits, y) for metric in metrics]
        return model, step
    (plain, plain_step), (model, step) = training([]), training(watched)
    expected = [metrics.get(metric) for metric in watched]
    for seed in range(4):
        x, y = batch(seed=seed)
        plain_step(x, y)
        _, logits, measured = step(x, y)
        for metric, by_hand, values in zip(watched, expected, measured):
            metric.accumulate(*(v.numpy() for v in values))
            by_hand.update(logits, y)
    for metric, by_hand in zip(watched, expected):
        np.testing.assert_array_equal(metric.compute(), by_hand.compute())
    weights = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    np.testing.assert_equal({k: v.numpy() for k, v in plain.state_dict().items()}, weights)
    with pytest.raises(IndexError, match=" 3 at position 0 is out of range"):
        step(x, y + 1 - y + 2)
    np.testing.assert_equal({k: v.numpy() for k, v in model.state_dict().items()}, weights)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_with_gradients(name):
    output, target = samples(NAMES[name], 20)
    tracked = fastnet.tensor(output, requires_grad=True)
    assert not any(v.requires_grad for v in metrics.get(name).measure(tracked * 1, fastnet.tensor(target)))
    np.testing.assert_array_equal(updated_once(name, tracked, target), updated_once(name, output, target))


def updated_once(name, output, target):
    metric = metrics.get(name)
    metric.update(output, target)
    return metric.compute()


def test_user_defined_metric():
    class Share(metrics.Metric):
        name, totals = "positive", ("count", "positive")

        def reset(self):
            self.count = self.positive = 0

        def measure(self, output, target):
            return ((output > 0),)

        def accumulate(self, positive):
            self.count += positive.size
            self.positive += int(positive.sum())

        def compute(self):
            return self.positive / self.count
    metric = metrics.get(Share(name="above"))
    metric.update(fastnet.tensor([1.0, -1.0], requires_grad=True), fastnet.zeros(2))
    assert (metric.name, metric.compute(), metric.state_dict()) == ("above", 0.5, {"count": 2, "positive": 1})


@pytest.mark.parametrize("call", [lambda m: m.measure(None, None), lambda m: m.accumulate(), lambda m: m.compute()])
def test_missing_methods(call):
    class Bare(metrics.Metric):
        def reset(self):
            pass
    with pytest.raises(NotImplementedError, match="Bare does not define"):
        call(Bare())
