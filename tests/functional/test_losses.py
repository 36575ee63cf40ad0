"""Every loss: values and gradients against PyTorch and against differences, reductions, edge cases, errors."""
import math
import warnings

import numpy as np
import pytest
from gradcheck import gradcheck
from torch_tools import compare

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(7)
X, T = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
LOGITS, GRID = 2 * rng.standard_normal((6, 4)), rng.standard_normal((3, 4, 2, 5))
LABELS, GRID_LABELS = np.array([0, 3, 1, 1, 2, 0]), rng.integers(0, 4, (3, 2, 5))
SOME_IGNORED = np.array([0, -100, 1, -100, 2, 0])
CLASS_WEIGHT = np.array([0.5, 2.0, 1.0, 0.0])
PROBS = rng.dirichlet(np.ones(4), 6)
GRID_PROBS = np.moveaxis(rng.dirichlet(np.ones(4), (3, 2, 5)), -1, 1).copy()
ONE_HOT = np.eye(4)[LABELS]
INSIDE = rng.uniform(0.05, 0.95, (5, 4))
SOFT = rng.uniform(0.0, 1.0, (5, 4))
WEIGHT = rng.uniform(0.5, 2.0, (5, 4))


def loss(name, **attributes):
    return lambda f, *xs, reduction: getattr(f.nn.functional, name)(*xs, reduction=reduction, **attributes)


def with_weight(name, **attributes):
    return lambda f, x, t, w, reduction: getattr(f.nn.functional, name)(
        x, t, weight=w.detach(), reduction=reduction, **attributes)


def positive(f, x, t, w, reduction):
    w = w if f is fastnet else w.detach()                   # PyTorch has no gradient for it
    return f.nn.functional.binary_cross_entropy_with_logits(x, t, pos_weight=w, reduction=reduction)


# name -> (function of the namespace, the tensors and the reduction, inputs)
LOSSES = {
    "mse": (loss("mse_loss"), X, T), "mse-0d": (loss("mse_loss"), X[0, :1].reshape(()), T[0, :1].reshape(())),
    "mse-empty": (loss("mse_loss"), X[:0], T[:0]), "mse-weight": (with_weight("mse_loss"), X, T, WEIGHT),
    "l1": (loss("l1_loss"), X, T), "l1-equal": (loss("l1_loss"), X, X),
    "l1-weight": (with_weight("l1_loss"), X, T, WEIGHT),
    "huber": (loss("huber_loss"), X, T), "huber-delta": (loss("huber_loss", delta=0.4), X, T),
    "huber-weight": (with_weight("huber_loss", delta=2.0), X, T, WEIGHT),
    "smooth_l1": (loss("smooth_l1_loss"), X, T), "smooth_l1-beta": (loss("smooth_l1_loss", beta=0.4), X, T),
    "smooth_l1-0": (loss("smooth_l1_loss", beta=0), X, T),
    "logits": (loss("binary_cross_entropy_with_logits"), X, SOFT),
    "logits-far": (loss("binary_cross_entropy_with_logits"), 60 * X, np.round(SOFT)),
    "logits-weight": (with_weight("binary_cross_entropy_with_logits"), X, SOFT, WEIGHT),
    "logits-weight-row": (with_weight("binary_cross_entropy_with_logits"), X, SOFT, WEIGHT[0]),
    "logits-positive": (positive, X, SOFT, WEIGHT), "logits-positive-row": (positive, X, SOFT, WEIGHT[0]),
    "bce": (loss("binary_cross_entropy"), INSIDE, SOFT),
    "bce-weight": (with_weight("binary_cross_entropy"), INSIDE, SOFT, WEIGHT),
    "kl": (loss("kl_div"), np.log(PROBS), PROBS[::-1].copy()),
    "kl-log": (loss("kl_div", log_target=True), np.log(PROBS), np.log(PROBS[::-1])),
    "kl-row": (loss("kl_div"), np.log(PROBS), PROBS[0]),
    "cross": (loss("cross_entropy"), LOGITS, LABELS), "cross-far": (loss("cross_entropy"), 200 * LOGITS, LABELS),
    "cross-one": (loss("cross_entropy"), LOGITS[0], LABELS[:1].reshape(())),
    "cross-empty": (loss("cross_entropy"), LOGITS[:0], LABELS[:0]),
    "cross-grid": (loss("cross_entropy"), GRID, GRID_LABELS),
    "cross-1d": (loss("cross_entropy"), GRID[..., 0], GRID_LABELS[..., 0]),
    "cross-ignore": (loss("cross_entropy"), LOGITS, SOME_IGNORED),
    "cross-ignore-1": (loss("cross_entropy", ignore_index=1), LOGITS, LABELS),
    "cross-smooth": (loss("cross_entropy", label_smoothing=0.1), LOGITS, SOME_IGNORED),
    "cross-weight": (with_weight("cross_entropy"), LOGITS, LABELS, CLASS_WEIGHT),
    "cross-weight-smooth": (with_weight("cross_entropy", label_smoothing=0.3, ignore_index=2),
                            LOGITS, LABELS, CLASS_WEIGHT),
    "cross-weight-grid": (with_weight("cross_entropy", label_smoothing=1.0), GRID, GRID_LABELS, CLASS_WEIGHT),
    "probs": (loss("cross_entropy"), LOGITS, PROBS), "probs-hot": (loss("cross_entropy"), LOGITS, ONE_HOT),
    "probs-smooth": (loss("cross_entropy", label_smoothing=0.1), LOGITS, PROBS),
    "probs-weight": (with_weight("cross_entropy", label_smoothing=0.2), LOGITS, PROBS, CLASS_WEIGHT),
    "probs-grid": (with_weight("cross_entropy"), GRID, GRID_PROBS, CLASS_WEIGHT),
    "probs-one": (loss("cross_entropy"), LOGITS[0], PROBS[0]),
    "nll": (loss("nll_loss"), np.log(PROBS), LABELS), "nll-ignore": (loss("nll_loss"), np.log(PROBS), SOME_IGNORED),
    "nll-ignore-0": (loss("nll_loss", ignore_index=0), np.log(PROBS), LABELS),
    "nll-weight": (with_weight("nll_loss", ignore_index=1), np.log(PROBS), LABELS, CLASS_WEIGHT),
    "nll-grid": (with_weight("nll_loss"), GRID, GRID_LABELS, CLASS_WEIGHT),
    "nll-one": (loss("nll_loss"), LOGITS[0], LABELS[:1].reshape(())),
}
REDUCTIONS = ["none", "mean", "sum"]
NO_DIFFERENCES = {"l1-equal", "mse-empty", "cross-empty", "logits-far"}      # a kink, nothing, or flat to rounding


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_against_torch(name, reduction, dtype):
    fn, *inputs = LOSSES[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "reduction: 'mean' divides", UserWarning)      # PyTorch's, of kl_div
        compare(lambda f, *xs: fn(f, *xs, reduction=reduction), *inputs, dtype=dtype)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", [name for name in LOSSES if name not in NO_DIFFERENCES])
def test_gradient(name, reduction):
    fn, x, *rest = LOSSES[name]
    weighted = len(rest) == 2 and fn is not positive        # no gradient reaches those weights
    rest = [fastnet.tensor(r) for r in rest]

    def function(x, *differentiable):
        return fn(fastnet, x, *differentiable, *(rest[-1:] if weighted else ()), reduction=reduction)
    gradcheck(function, fastnet.tensor(x), *(rest[:-1] if weighted else rest))


@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div_batchmean(log_target):
    target = np.log(PROBS[::-1]) if log_target else PROBS[::-1]

    def divergence(f, x, t):
        return f.nn.functional.kl_div(x, t, reduction="batchmean", log_target=log_target)
    compare(divergence, np.log(PROBS), target.copy())
    gradcheck(lambda x, t: divergence(fastnet, x, t), fastnet.tensor(np.log(PROBS)), fastnet.tensor(target.copy()))
    assert float(F.kl_div(fastnet.tensor(np.log(PROBS)), fastnet.tensor(PROBS), reduction="batchmean")) < 1e-12


def test_kl_div_of_certain_targets_is_finite():
    x, t = fastnet.tensor(np.log(PROBS), requires_grad=True), fastnet.tensor(ONE_HOT)
    value = F.kl_div(x, t, reduction="sum")
    value.backward()
    np.testing.assert_allclose(value.item(), -np.log(PROBS)[ONE_HOT == 1].sum())
    np.testing.assert_array_equal(x.grad.numpy(), -ONE_HOT)


def test_bce_of_certain_answers_is_finite():
    x, t = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])
    compare(lambda f, x: f.nn.functional.binary_cross_entropy(x, f.tensor(t.astype("float32")), reduction="none"), x,
            dtype="float32")


def test_everything_ignored():
    x, labels = fastnet.tensor(LOGITS, requires_grad=True), fastnet.full((6,), -100)
    assert math.isnan(F.cross_entropy(x, labels).item())
    total = F.cross_entropy(x, labels, reduction="sum")
    total.backward()
    assert total.item() == 0
    assert not x.grad.numpy().any()


def test_masked_logits():
    """A class with logit -inf has probability 0 and does not change the loss of the others."""
    x = LOGITS.copy()
    x[:, 3] = -np.inf
    labels = np.array([0, 2, 1, 1, 2, 0])
    x = fastnet.tensor(x, requires_grad=True)
    got = F.cross_entropy(x, fastnet.tensor(labels), reduction="none")
    expected = F.cross_entropy(fastnet.tensor(LOGITS[:, :3]), fastnet.tensor(labels), reduction="none")
    np.testing.assert_allclose(got.detach().numpy(), expected.numpy())
    got.sum().backward()
    assert not x.grad.numpy()[:, 3].any()


def test_strided_inputs_give_the_same():
    expected = F.cross_entropy(fastnet.tensor(LOGITS), fastnet.tensor(LABELS))
    wide = fastnet.tensor(np.repeat(LOGITS, 2, axis=1))[:, ::2]
    assert F.cross_entropy(wide, fastnet.tensor(np.repeat(LABELS, 2))[::2]).item() == expected.item()
    expected = F.mse_loss(fastnet.tensor(X.T.copy()), fastnet.tensor(T.T.copy()))
    assert F.mse_loss(fastnet.tensor(X).T, fastnet.tensor(T).T).item() == expected.item()


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"])
def test_shapes_that_differ_are_broadcast_with_a_warning(name):
    x, t = fastnet.tensor(X, requires_grad=True), fastnet.tensor(T[:1], requires_grad=True)
    with pytest.warns(UserWarning, match=r"\(1, 4\).*\(5, 4\)") as caught:
        value = getattr(F, name)(x, t)
    assert caught[0].filename == __file__
    value.backward()
    same = fastnet.tensor(np.broadcast_to(T[:1], X.shape).copy(), requires_grad=True)
    other = getattr(F, name)(fastnet.tensor(X), same)
    other.backward()
    assert value.item() == other.item()
    np.testing.assert_allclose(t.grad.numpy(), same.grad.numpy().sum(0, keepdims=True))


def test_promotion():
    assert F.mse_loss(fastnet.ones(2), fastnet.tensor([1, 2])).dtype == fastnet.float32
    assert F.l1_loss(fastnet.ones(2), fastnet.tensor(T[0, :2])).dtype == fastnet.float64


def test_saved_values_are_guarded():
    """backward() reads the probabilities and the targets, not the logits, which may be overwritten."""
    x = fastnet.tensor(LOGITS, requires_grad=True)
    logits = x * 1
    value = F.cross_entropy(logits, fastnet.tensor(LABELS))
    with fastnet.no_grad():
        logits.zero_()
    value.backward()
    assert x.grad.numpy().any()
    target = fastnet.tensor(T)
    value = F.mse_loss(fastnet.tensor(X, requires_grad=True), target)
    target += 1
    with pytest.raises(RuntimeError, match="mse_loss: argument 2 was changed in place"):
        value.backward()


@pytest.mark.parametrize("module, function, attributes", [
    (nn.MSELoss, "mse_loss", {}), (nn.L1Loss, "l1_loss", {}), (nn.HuberLoss, "huber_loss", {"delta": 0.5}),
    (nn.SmoothL1Loss, "smooth_l1_loss", {"beta": 0.5}), (nn.BCEWithLogitsLoss, "binary_cross_entropy_with_logits", {}),
    (nn.KLDivLoss, "kl_div", {"log_target": True}), (nn.BCELoss, "binary_cross_entropy", {})])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_modules_of_values(module, function, attributes, reduction):
    x, t = fastnet.tensor(INSIDE), fastnet.tensor(SOFT)
    expected = getattr(F, function)(x, t, reduction=reduction, **attributes)
    made = module(reduction=reduction, **attributes)
    np.testing.assert_array_equal(made(x, t).numpy(), expected.numpy())
    assert f"reduction={reduction!r}" in repr(made)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_modules_of_labels(reduction):
    x, labels, weight = fastnet.tensor(LOGITS), fastnet.tensor(LABELS), fastnet.tensor(CLASS_WEIGHT)
    attributes = {"ignore_index": 1, "reduction": reduction}
    for made, expected in (
            (nn.CrossEntropyLoss(weight, label_smoothing=0.2, **attributes),
             F.cross_entropy(x, labels, weight, label_smoothing=0.2, **attributes)),
            (nn.NLLLoss(weight, **attributes), F.nll_loss(x, labels, weight, **attributes))):
        np.testing.assert_array_equal(made(x, labels).numpy(), expected.numpy())
        assert set(made.state_dict()) == {"weight"}


def test_logits_module_has_weights():
    x, t, weight = fastnet.tensor(X), fastnet.tensor(SOFT), fastnet.tensor(WEIGHT)
    made = nn.BCEWithLogitsLoss(weight, pos_weight=weight[0])
    expected = F.binary_cross_entropy_with_logits(x, t, weight, pos_weight=weight[0])
    assert made(x, t).item() == expected.item()


def f64(*shape):
    return fastnet.zeros(*shape, dtype=fastnet.float64)


NAN_TARGET = np.array([[0.5, np.nan], [0.5, 0.5]])


@pytest.mark.parametrize("call, error, words", [
    (lambda: F.mse_loss(f64(3, 4), f64(3, 5)), RuntimeError, r"mse_loss.*\(3, 5\).*\(3, 4\)"),
    (lambda: F.mse_loss(fastnet.tensor([1]), fastnet.tensor([1])), RuntimeError, "floating-point.*int64"),
    (lambda: F.mse_loss(np.zeros(3), f64(3)), TypeError, "mse_loss.*input.*ndarray"),
    (lambda: F.mse_loss(f64(3), f64(3), reduction="average"),
     ValueError, "unknown reduction 'average'.*'none'.*'mean'.*'sum'"),
    (lambda: F.mse_loss(f64(3), f64(3), weight=f64(2)), ValueError, r"\(2,\).*\(3,\)"),
    (lambda: F.huber_loss(f64(3), f64(3), delta=0), RuntimeError, "positive delta, got 0"),
    (lambda: F.smooth_l1_loss(f64(3), f64(3), beta=-1), RuntimeError, "0 or more, got -1"),
    (lambda: F.binary_cross_entropy_with_logits(f64(3, 1), f64(3)), ValueError, r"\(3,\).*\(3, 1\)"),
    (lambda: F.binary_cross_entropy_with_logits(f64(2, 2), fastnet.tensor(NAN_TARGET)),
     ValueError, r"nan at position \(0, 1\)"),
    (lambda: F.binary_cross_entropy_with_logits(f64(3), f64(3), pos_weight=f64(2)),
     ValueError, r"pos_weight.*\(2,\).*\(3,\)"),
    (lambda: F.binary_cross_entropy(f64(3, 1), f64(3)), ValueError, r"\(3,\).*\(3, 1\)"),
    (lambda: F.binary_cross_entropy(fastnet.tensor([0.5, 1.5]), fastnet.ones(2)),
     ValueError, "between 0 and 1.*position 1"),
    (lambda: F.kl_div(f64(2, 2), fastnet.tensor(NAN_TARGET)), ValueError, r"nan at position \(0, 1\)"),
    (lambda: F.kl_div(f64(2, 2), f64(2, 2), reduction="batch"), ValueError, "'batchmean'"),
    (lambda: F.cross_entropy(f64(3, 4), fastnet.tensor([0, 1])), ValueError, r"\(2,\).*\(3, 4\).*expected \(3,\)"),
    (lambda: F.cross_entropy(f64(3, 4, 2), fastnet.tensor([0, 1, 2])),
     RuntimeError, r"\(3,\).*\(3, 4, 2\).*expected \(3, 2\)"),
    (lambda: F.cross_entropy(f64(3, 4), f64(3)), RuntimeError, r"\(3,\).*\(3, 4\)"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([0, 4])), IndexError, "label 4 at position 1.*< 4"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([-1, 0])), IndexError, "label -1 at position 0"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([0, 1], dtype=fastnet.int32)), RuntimeError, r"int64.*int32"),
    (lambda: F.cross_entropy(fastnet.tensor([[1, 2]]), fastnet.tensor([0])), RuntimeError, "floating-point.*int64"),
    (lambda: F.cross_entropy(f64(2, 2), fastnet.tensor(NAN_TARGET)),
     ValueError, r"target probability is nan at position \(0, 1\)"),
    (lambda: F.cross_entropy(f64(2, 2), f64(2, 2), ignore_index=1), RuntimeError, "ignore_index"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([0, 1]), f64(3)), RuntimeError, r"\(3,\).*\(2, 4\).*\(4,\)"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([0, 1]), label_smoothing=1.5), RuntimeError, "1.5"),
    (lambda: F.cross_entropy(f64(2, 4), fastnet.tensor([0, 1]), reduction="avg"),
     ValueError, "unknown reduction 'avg'"),
    (lambda: F.cross_entropy(f64(), fastnet.tensor(0)), RuntimeError, r"\(N, C\)"),
    (lambda: F.nll_loss(f64(2, 4), fastnet.tensor([0, 7])), IndexError, "label 7"),
    (lambda: F.nll_loss(f64(2, 4), f64(2)), RuntimeError, "int64"),
    (lambda: nn.MSELoss(reduction="avg"), ValueError, "unknown reduction 'avg'"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=-0.1), ValueError, "-0.1"),
    (lambda: nn.HuberLoss(delta=-1.0), ValueError, "-1.0"),
    (lambda: nn.SmoothL1Loss(beta=-1.0), ValueError, "-1.0"),
])
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
