"""Linear maps, norms and similarities: values and gradients against PyTorch and finite differences, and recorded."""
import numpy as np
import pytest
from gradcheck import gradcheck
from torch_tools import compare

import fastnet
from fastnet import nn
from fastnet.nn import functional as F

pytestmark = pytest.mark.usefixtures("backend")

rng = np.random.default_rng(11)
X, Y, BOX = rng.standard_normal((6, 5)), rng.standard_normal((6, 5)), rng.standard_normal((3, 5, 4))
ROW, OTHER, MATRIX = rng.uniform(0.5, 2, 5), rng.standard_normal(5), rng.uniform(0.5, 2, (5, 4))
MEAN, VAR = rng.standard_normal(5), rng.uniform(0.5, 2, 5)


def batch_norm(training, **attributes):
    def fn(f, x, *affine):
        statistics = [f.tensor(np.asarray(s, str(x.dtype).removeprefix("torch."))) for s in (MEAN, VAR)]
        return f.nn.functional.batch_norm(x, *statistics, *affine, training=training, **attributes)
    return fn


# name -> (function of the namespace and its tensors, inputs)
FUNCTIONS = {
    "linear": (lambda f, x, w, b: f.nn.functional.linear(x, w, b), X, MATRIX.T.copy(), OTHER[:4]),
    "linear-3": (lambda f, x, w, b: f.nn.functional.linear(x, w, b), BOX, MATRIX, OTHER),
    "layer_norm": (lambda f, x, w, b: f.nn.functional.layer_norm(x, (5,), w, b), X, ROW, OTHER),
    "layer_norm-plain": (lambda f, x: f.nn.functional.layer_norm(x, [5]), X),
    "layer_norm-weight": (lambda f, x, w: f.nn.functional.layer_norm(x, (5,), w, eps=0.1), X, ROW),
    "layer_norm-bias": (lambda f, x, b: f.nn.functional.layer_norm(x, (5,), None, b), X, OTHER),
    "layer_norm-2": (lambda f, x, w, b: f.nn.functional.layer_norm(x, (5, 4), w, b), BOX, MATRIX, -MATRIX),
    "layer_norm-strided": (lambda f, x, w: f.nn.functional.layer_norm(x.t(), (6,), w[:, 0]), X,
                           rng.standard_normal((6, 2))),
    "layer_norm-1": (lambda f, x: f.nn.functional.layer_norm(x, (5,)), ROW),
    "layer_norm-empty": (lambda f, x: f.nn.functional.layer_norm(x, (5,)), X[:0]),
    "rms_norm": (lambda f, x, w: f.nn.functional.rms_norm(x, (5,), w), X, ROW),
    "rms_norm-2": (lambda f, x: f.nn.functional.rms_norm(x, (5, 4), eps=0.1), BOX),
    "batch_norm": (batch_norm(True), X, ROW, OTHER), "batch_norm-plain": (batch_norm(True), X),
    "batch_norm-weight": (batch_norm(True, eps=0.1), X, ROW),
    "batch_norm-eval": (batch_norm(False), X, ROW, OTHER), "batch_norm-eval-plain": (batch_norm(False), X),
    "batch_norm-3": (batch_norm(True), BOX, ROW, OTHER), "batch_norm-3-eval": (batch_norm(False), BOX, ROW, OTHER),
    "batch_norm-4": (batch_norm(True), rng.standard_normal((2, 5, 3, 2)), ROW, OTHER),
    "batch_norm-own": (lambda f, x: f.nn.functional.batch_norm(x, None, None, training=True), X),
    "normalize": (lambda f, x: f.nn.functional.normalize(x), X),
    "normalize-1": (lambda f, x: f.nn.functional.normalize(x, p=1.0, dim=0), X),
    "normalize-dims": (lambda f, x: f.nn.functional.normalize(x, dim=(1, 2)), BOX),
    "cosine": (lambda f, x, y: f.nn.functional.cosine_similarity(x, y), X, Y),
    "cosine-row": (lambda f, x, y: f.nn.functional.cosine_similarity(x, y, dim=-1), X, OTHER),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_against_torch(name, dtype):
    compare(*FUNCTIONS[name], dtype=dtype)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "layer_norm-empty"])
def test_function_gradient(name):
    fn, *inputs = FUNCTIONS[name]
    gradcheck(lambda *xs: fn(fastnet, *xs), *map(fastnet.tensor, inputs))


def test_normalize_of_zeros_has_a_gradient():
    x = fastnet.zeros(2, 3, dtype=fastnet.float64, requires_grad=True)
    y = F.normalize(x)
    y.sum().backward()
    assert not y.detach().numpy().any() and np.isfinite(x.grad.numpy()).all()


def test_a_result_that_backward_needs_is_guarded():
    """An in-place change is found even if the operation saves its result or argument in another shape."""
    x = fastnet.tensor(BOX, requires_grad=True)
    y = F.softmax(x, 1)
    with fastnet.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="softmax: its result was changed in place"):
        y.sum().backward()
    h = x * 1
    y = F.linear(h, fastnet.tensor(MATRIX.T @ MATRIX, requires_grad=True))
    with fastnet.no_grad():
        h.zero_()
    with pytest.raises(RuntimeError, match="linear: argument 1 was changed in place"):
        y.sum().backward()


@pytest.mark.parametrize("name", ["linear", "linear-3", "layer_norm", "layer_norm-2", "batch_norm-3", "cosine",
                                  "rms_norm"])
def test_recordings_contain_all_work_of_a_function(name):
    """Strided or broadcast gradients are packed by recorded launches, not by unrecorded NumPy calls."""
    fn, x, *rest = FUNCTIONS[name]
    rest = [fastnet.tensor(r) for r in rest]
    leaf = nn.Parameter(fastnet.tensor(x))

    def gradient(scale):
        leaf.grad = None
        y = fn(fastnet, leaf * scale, *rest)
        (y.transpose(0, -1).reshape(-1) * scale.exp()).sum().backward()
        return leaf.grad + 0
    if name == "batch_norm-3":
        statistics = [fastnet.tensor(MEAN), fastnet.tensor(VAR)]

        def fn(f, x, *affine):
            return F.batch_norm(x, *statistics, *affine, training=True)
    recorded = fastnet.compile(gradient)
    for s in (0.5, 1.0, 2.0):
        s = fastnet.tensor(s, dtype=fastnet.float64)
        expected = gradient(s).numpy()
        np.testing.assert_array_equal(recorded(s).numpy(), expected)
