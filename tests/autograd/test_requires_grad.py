"""Results require gradients whenever PyTorch's do, and gradients at singular points are PyTorch's."""
import numpy as np
import pytest
from calls import ALL, CALLS, OF_NETWORKS, made

import fastnet

X = np.array([[1.0, -2.0, 0.0], [3.0, 0.5, -1.0]], np.float32)
Y = np.abs(X) + 1
HALVES = np.full((2, 3), 0.5, np.float32)


def _written(x, key, value):
    x[key] = value
    return x


def _augmented(operator, x, other):
    return getattr(x, operator)(other)


# The results are constant almost everywhere, or written over: zeros reach the leaves.
FLAT = {
    "div-floor": (lambda f, a, b: f.div(a, b, rounding_mode="floor"), X, Y),
    "div-trunc": (lambda f, a, b: f.div(a, b, rounding_mode="trunc"), X, Y),
    "floor": (lambda f, a: f.floor(a), X), "ceil": (lambda f, a: f.ceil(a), X), "round": (lambda f, a: f.round(a), X),
    "trunc": (lambda f, a: f.trunc(a), X), "sign": (lambda f, a: f.sign(a), X),
    "floor_": (lambda f, a: (a * 1).floor_(), X), "zero_": (lambda f, a: (a * 1).zero_(), X),
    "fill_": (lambda f, a: (a * 1).fill_(3.0), X), "copy_": (lambda f, a: (a * 1).copy_(f.ones(2, 3)), X),
    "normal_": (lambda f, a: (a * 1).normal_() * 0, X), "uniform_": (lambda f, a: (a * 1).uniform_() * 0, X),
    "setitem": (lambda f, a: _written(a * 1, slice(None), 0.0), X),
    "setitem-view": (lambda f, a: _written((a * 1)[0], slice(None), 0.0), X),
    "zero-view": (lambda f, a: (a * 1)[0].zero_(), X), "bernoulli": (lambda f, a: f.bernoulli(a) * 0, HALVES),
    "masked_fill": (lambda f, a: a.masked_fill(a == a, 0.0), X), "pow-0": (lambda f, a: a ** 0, X),
    "dropout-all": (lambda f, a: f.nn.functional.dropout(a, 1.0), X), "rpow-1": (lambda f, a: 1 ** a, X),
    "addmm-beta": (lambda f, a, b: f.addmm(a[:, :2], b, b.t(), beta=0).detach() + 0 * a[:, :2], X, Y),
}
# PyTorch has no gradient for these, or an undefined one; fastnet gives zeros.
FLAT_HERE = {
    "floor_divide": (lambda f, a, b: a // b, X, Y), "rfloordiv": (lambda f, a: 2 // a, Y),
    "ifloordiv": (lambda f, a, b: _augmented("__ifloordiv__", a * 1, b), X, Y),
    "norm-0": (lambda f, a: a.norm(0), X), "norm-0-rows": (lambda f, a: a.norm(0, 1, keepdim=True), X),
    "dist-0": (lambda f, a, b: f.dist(a, b, 0), X, Y),
}


# PyTorch's results require a gradient, and backward() raises; those of fastnet require none.
NOT_DIFFERENTIABLE = {"histogram"}


@pytest.mark.parametrize("name", FLAT | FLAT_HERE)
def test_constant_results_have_gradients_of_zero(name):
    fn, *inputs = (FLAT | FLAT_HERE)[name]
    leaves = [fastnet.tensor(x, requires_grad=True) for x in inputs]
    out = fn(fastnet, *leaves)
    assert out.requires_grad
    out.sum().backward()
    for i, x in enumerate(leaves):
        assert x.grad is None or not x.grad.numpy().any(), f"input {i}"
    if name in FLAT:
        torch = pytest.importorskip("torch")
        theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
        fn(torch, *theirs).sum().backward()
        for ours, there in zip(leaves, theirs):
            assert (ours.grad is None) == (there.grad is None)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")     # of kl_div's mean
@pytest.mark.parametrize("place, name", ALL, ids=lambda v: v)
def test_results_require_gradients_where_pytorchs_do(place, name):
    torch = pytest.importorskip("torch")
    ours, theirs = (getattr(f.nn.functional if place else f, name, None) for f in (fastnet, torch))
    inputs = (OF_NETWORKS if place else CALLS)[name]
    floating = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    for i in floating:
        try:
            expected = _requiring(torch, theirs, inputs, i)
        except (RuntimeError, TypeError):                   # not differentiable there, or other arguments
            continue
        if name not in NOT_DIFFERENTIABLE:
            assert _requiring(fastnet, ours, inputs, i) == expected, f"input {i}"


def _requiring(f, function, inputs, i):
    """Which of the results require a gradient if input i does."""
    given = [made(f, x) for x in inputs]
    result = function(*given[:i], given[i].requires_grad_(), *given[i + 1:])
    parts = result if isinstance(result, tuple | list) else [result]
    return [bool(getattr(part, "requires_grad", False)) for part in parts]


def test_zeros_written_into_the_middle_of_a_chain_cut_the_gradient():
    x = fastnet.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    z = y * 1
    z[0].fill_(5.0)
    y.zero_()
    (y.sum() + (z * z).sum()).backward()
    assert x.grad.tolist() == [0.0, 36.0]


# ---- powers ----------------------------------------------------------------------------------------------------------

EXPONENTS = np.array([-2, -1, -0.5, 0, 0.5, 1, 2, np.inf, -np.inf, np.nan])
BASES = (0.0, -0.0, -1.0, 2.0, np.inf, np.nan)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("form", ["number", "0-d", "tensor"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_exponents(base, form, dtype):
    """That of 0 ** y is -inf for y < 0, and 0 from y = 0 on."""
    torch = pytest.importorskip("torch")

    def gradient(f):
        y = f.tensor(EXPONENTS.astype(dtype), requires_grad=True)
        x = {"number": base, "0-d": f.tensor(np.array(base, dtype)),
             "tensor": f.tensor(np.full(len(EXPONENTS), base, dtype))}[form]
        (x ** y).sum().backward()
        return np.asarray(y.grad)
    np.testing.assert_allclose(gradient(fastnet), gradient(torch), rtol=1e-6)


def test_gradient_of_a_power_of_zero():
    y = fastnet.tensor([-2.0, -1.0, 0.0, 0.3], requires_grad=True)
    (0 ** y).sum().backward()
    assert y.grad.tolist() == [-np.inf, -np.inf, 0.0, 0.0]


@pytest.mark.parametrize("base", [0.0, -1.0, 2.0, np.inf, np.nan])     # PyTorch has a root of its own for -0.0
@pytest.mark.parametrize("exponent", EXPONENTS)
def test_gradients_of_bases(base, exponent):
    torch = pytest.importorskip("torch")

    def gradients(f):
        for given in (float(exponent), f.tensor([float(exponent)])):
            x = f.tensor([base], requires_grad=True)
            (x ** given).sum().backward()
            yield np.asarray(x.grad)
    for ours, theirs in zip(gradients(fastnet), gradients(torch)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
