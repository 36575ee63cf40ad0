"""Linear algebra beside PyTorch's, its gradients, recordings and errors."""
import math

import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
from fastnet import linalg

pytest.importorskip("scipy")


def random(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape)


SQUARE = random(2, 3, 3) + 2 * np.eye(3)
TALL, WIDE = random(2, 5, 3), random(2, 3, 5)
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(3)
RIGHT, VECTOR = random(2, 3, 2), random(2, 3)


def symmetric(a):
    return (a + a.mT) / 2


# name -> (function of the namespace and its tensors, inputs); the same source runs on fastnet and on PyTorch
SMOOTH = {
    "inv": (lambda f, a: f.linalg.inv(a), SQUARE),
    "inverse": (lambda f, a: a.inverse(), SQUARE),
    "solve": (lambda f, a, b: f.linalg.solve(a, b), SQUARE, RIGHT),
    "solve-vector": (lambda f, a, b: f.linalg.solve(a, b), SQUARE, VECTOR),
    "solve-broadcast": (lambda f, a, b: f.linalg.solve(a, b), SQUARE[0], RIGHT),
    "solve-right": (lambda f, a, b: f.linalg.solve(a, b.mT, left=False), SQUARE, RIGHT),
    "solve_triangular": (lambda f, a, b: f.linalg.solve_triangular(a, b, upper=True), SQUARE, RIGHT),
    "solve_triangular-lower": (lambda f, a, b: f.linalg.solve_triangular(a, b, upper=False), SQUARE, RIGHT),
    "solve_triangular-unit": (
        lambda f, a, b: f.linalg.solve_triangular(a, b.mT, upper=True, left=False, unitriangular=True), SQUARE, RIGHT),
    "triangular_solve": (lambda f, a, b: f.triangular_solve(b, a, transpose=True)[0], SQUARE, RIGHT),
    "cholesky": (lambda f, a: f.linalg.cholesky(symmetric(a)), POSITIVE),
    "cholesky-upper": (lambda f, a: f.linalg.cholesky(symmetric(a), upper=True), POSITIVE),
    "old-cholesky": (lambda f, a: f.cholesky(symmetric(a)), POSITIVE),
    "cholesky_solve": (lambda f, a, b: f.cholesky_solve(b, a.tril()), SQUARE, RIGHT),
    "cholesky_inverse": (lambda f, a: f.cholesky_inverse(a.tril()), SQUARE),
    "det": (lambda f, a: f.linalg.det(a), SQUARE),
    "det-singular": (lambda f, a: f.det(f.cat([a[:, :2], a[:, :1]], 1)), SQUARE),
    "slogdet": (lambda f, a: f.linalg.slogdet(a)[1], SQUARE),
    "logdet": (lambda f, a: f.logdet(a), POSITIVE),
    "qr-Q": (lambda f, a: f.linalg.qr(a)[0], TALL),
    "qr-R": (lambda f, a: f.linalg.qr(a)[1], TALL),
    "qr-square": (lambda f, a: f.cat(tuple(f.linalg.qr(a)), -1).sin(), SQUARE),
    "qr-wide": (lambda f, a: f.cat(tuple(f.linalg.qr(a)), -1).sin(), WIDE),
    "eigh": (lambda f, a: f.linalg.eigh(symmetric(a))[1].abs(), POSITIVE),
    "eigh-both": (lambda f, a: f.linalg.eigh(symmetric(a), "U")[1].square()
                  * f.linalg.eigvalsh(symmetric(a)).unsqueeze(-1), POSITIVE),
    "eigvalsh": (lambda f, a: f.linalg.eigvalsh(symmetric(a)), POSITIVE),
    "svd-U": (lambda f, a: f.linalg.svd(a, full_matrices=False)[0].abs(), TALL),
    "svd-V": (lambda f, a: f.linalg.svd(a, full_matrices=False)[2].abs(), TALL),
    "svd-wide": (lambda f, a: f.linalg.svd(a, full_matrices=False)[2].abs(), WIDE),
    "svd-S": (lambda f, a: f.linalg.svd(a)[1], SQUARE),
    "old-svd": (lambda f, a: f.svd(a)[2].abs(), WIDE),
    "svdvals": (lambda f, a: f.linalg.svdvals(a), WIDE),
    "pinv": (lambda f, a: f.linalg.pinv(a), TALL),
    "pinverse": (lambda f, a: a.pinverse(), WIDE),
    "lstsq": (lambda f, a, b: f.linalg.lstsq(a, b)[0], TALL, random(2, 5, 2)),
    "lu-L": (lambda f, a: f.linalg.lu(a)[1], SQUARE),
    "lu-U": (lambda f, a: f.linalg.lu(a)[2], SQUARE),
    "lu-tall": (lambda f, a: f.linalg.lu(a)[1].sum() + f.linalg.lu(a)[2].sin(), TALL),
    "lu-wide": (lambda f, a: f.linalg.lu(a)[1].square().sum() + f.linalg.lu(a)[2].sin(), WIDE),
    "lu_factor": (lambda f, a: f.linalg.lu_factor(a)[0], SQUARE),
    "lu_solve": (lambda f, a, b: f.linalg.lu_solve(*f.linalg.lu_factor(a), b), SQUARE, RIGHT),
    "matrix_exp": (lambda f, a: f.linalg.matrix_exp(a), SQUARE),
    "matrix_power": (lambda f, a: f.linalg.matrix_power(a, 5), SQUARE),
    "matrix_power-negative": (lambda f, a: f.linalg.matrix_power(a, -2), SQUARE),
    "multi_dot": (lambda f, a, b, c: f.linalg.multi_dot([a, b, c]), random(2, 7), random(7, 3), random(3, 4)),
    "cross": (lambda f, a, b: f.linalg.cross(a, b), VECTOR, random(2, 3, seed=1)),
    "old-cross": (lambda f, a, b: f.cross(a, b), random(3, 4), random(3, 4, seed=1)),
    "vecdot": (lambda f, a, b: f.linalg.vecdot(a, b), VECTOR, random(2, 3, seed=1)),
    "vander": (lambda f, a: f.linalg.vander(a, N=4), VECTOR),
    "norm": (lambda f, a: f.linalg.norm(a), SQUARE),
    "norm-nuclear": (lambda f, a: f.linalg.norm(a, "nuc", dim=(0, 2)), SQUARE),
    "norm-2": (lambda f, a: f.linalg.norm(a, 2, (1, 2), True), SQUARE),
    "norm-vector": (lambda f, a: f.linalg.norm(a, 3, 1), SQUARE),
    "vector_norm": (lambda f, a: f.linalg.vector_norm(a, 1, (0, 2)), SQUARE),
    **{f"matrix_norm-{ord}": (lambda f, a, ord=ord: f.linalg.matrix_norm(a, ord), SQUARE)
       for ord in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)},
    "cond": (lambda f, a: f.linalg.cond(a), SQUARE),
    "diagonal": (lambda f, a: f.diagonal(a, 1, 1, 2), SQUARE),
    "diagonal-below": (lambda f, a: a.diagonal(-1), SQUARE),
    "linalg-diagonal": (lambda f, a: f.linalg.diagonal(a), SQUARE),
    "diag": (lambda f, a: f.diag(a, 1), SQUARE[0]),
    "diag-vector": (lambda f, a: f.diag(a, -1), VECTOR[0]),
    "diag_embed": (lambda f, a: f.diag_embed(a, 1, 0, 2), VECTOR),
    "diagflat": (lambda f, a: f.diagflat(a), VECTOR),
    "trace": (lambda f, a: f.trace(a), TALL[0]),
}


@pytest.mark.filterwarnings("ignore:torch|Using torch")
@pytest.mark.parametrize("name", SMOOTH)
def test_like_pytorch(name):
    torch = pytest.importorskip("torch")
    function, *inputs = SMOOTH[name]
    weights = None
    found = []
    for f in (fastnet, torch):
        leaves = [f.tensor(x, requires_grad=True) for x in inputs]
        out = function(f, *leaves)
        if weights is None:
            weights = random(*out.shape, 1)[..., 0]
        (out * f.tensor(weights)).sum().backward()
        found.append([np.asarray(out.detach()), *(x.grad.numpy() for x in leaves)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient(name):
    function, *inputs = SMOOTH[name]
    if name != "det-singular":                   # differences of it are rounded
        gradcheck(lambda *xs: function(fastnet, *xs), *map(fastnet.tensor, inputs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["inv", "solve", "qr-Q", "eigh", "svd-U", "cholesky", "slogdet", "matrix_exp",
                                  "diagonal"])
def test_recorded(name):
    function, *inputs = SMOOTH[name]

    def both(*xs):
        xs = [x.detach().clone().requires_grad_() for x in xs]
        out = function(fastnet, *xs)
        out.square().sum().backward()
        return [out.detach(), *(x.grad for x in xs)]
    recorded = fastnet.compile(both)
    for scale in (1, 2, 3):
        tensors = [fastnet.tensor(x.astype("float32") * scale) for x in inputs]
        for ours, eager in zip(recorded(*tensors), both(*tensors), strict=True):
            np.testing.assert_array_equal(ours.numpy(), eager.numpy())
    assert len(recorded) == 1


PLAIN = {
    "svd": lambda f, a: [x[..., :3, :3].abs() if x.ndim > 1 else x for x in f.linalg.svd(a, full_matrices=False)],
    "cond": lambda f, a: [f.linalg.cond(a[..., :3, :3], 1), f.linalg.cond(a[..., :3, :3], "fro")],
    "qr-complete": lambda f, a: list(f.linalg.qr(a, "complete")),
    "qr-r": lambda f, a: list(f.linalg.qr(a, "r")),
    "lu": lambda f, a: list(f.linalg.lu(a)),
    "rank": lambda f, a: [f.linalg.matrix_rank(a), f.linalg.matrix_rank(a * 0), f.linalg.matrix_rank(a, atol=1.0)],
    "lstsq": lambda f, a: list(f.linalg.lstsq(a, a[..., :1], driver="gelsd")),
    "slogdet": lambda f, a: list(f.linalg.slogdet(a[..., :3, :3])),
    "pivots": lambda f, a: list(f.linalg.lu_factor(a[..., :3, :3])),
    "power-0": lambda f, a: [f.linalg.matrix_power(a[..., :3, :3], 0)],
    "old-svd": lambda f, a: [f.svd(a, False)[1], f.svd(a, True, False)[0]],
    "with-info": lambda f, a: [*f.linalg.inv_ex(a[..., :3, :3]), *f.linalg.solve_ex(a[..., :3, :3], a[..., :3, :2])],
}


@pytest.mark.parametrize("shape", [(2, 5, 3), (3, 5), (3, 3)])
@pytest.mark.parametrize("name", PLAIN)
def test_values_like_pytorch(name, shape):
    torch = pytest.importorskip("torch")
    x = random(*shape, seed=3)
    for ours, theirs in zip(PLAIN[name](fastnet, fastnet.tensor(x)), PLAIN[name](torch, torch.tensor(x)), strict=True):
        assert ours.shape == tuple(theirs.shape) and str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)


def test_eigenvalues_of_general_matrices():
    A = fastnet.tensor(SQUARE)
    values, vectors = linalg.eig(A)
    inside = A.to(fastnet.complex128)
    np.testing.assert_allclose((inside @ vectors).numpy(), (vectors * values.unsqueeze(-2)).numpy(), atol=1e-12)
    np.testing.assert_allclose(np.sort_complex(linalg.eigvals(A).numpy()), np.sort_complex(values.numpy()))
    with pytest.raises(RuntimeError, match=r"linalg\.eig: there is no gradient; use eigh"):
        linalg.eig(A.requires_grad_())


def test_tensors_as_maps():
    torch = pytest.importorskip("torch")
    x, y = random(6, 2, 3), random(6)
    for ours, theirs in zip(*((f.linalg.tensorinv(f.tensor(x), 1), f.linalg.tensorsolve(f.tensor(x), f.tensor(y)),
                               f.linalg.tensorsolve(f.tensor(x.transpose(1, 2, 0)), f.tensor(y), (0, 1)),
                               f.linalg.lu_solve(*f.linalg.lu_factor(f.tensor(SQUARE)), f.tensor(RIGHT).mT, left=False))
                              for f in (fastnet, torch))):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)


def test_a_diagonal_is_a_view():
    x = fastnet.zeros(2, 2)
    x.diagonal().fill_(3)
    assert x.tolist() == [[3, 0], [0, 3]]


@pytest.mark.parametrize("call, error, words", [
    (lambda: linalg.inv(fastnet.ones(2, 2)), linalg.LinAlgError, r"linalg\.inv: singular matrix"),
    (lambda: linalg.inv(fastnet.ones(2, 2)), RuntimeError, "singular"),
    (lambda: linalg.cholesky(-fastnet.eye(2)), linalg.LinAlgError, r"linalg\.cholesky: matrix is not positive def"),
    (lambda: linalg.inv(fastnet.ones(2, 3)), RuntimeError, r"linalg\.inv: expected square .*, got shape \(2, 3\)"),
    (lambda: linalg.inv(fastnet.ones(2)), RuntimeError, "expected matrices of at least two dimensions"),
    (lambda: linalg.inv(fastnet.eye(2).long()), RuntimeError, "expected float32 or float64, got int64"),
    (lambda: linalg.inv([[1.0]]), TypeError, r"linalg\.inv: expected input to be a tensor, got list"),
    (lambda: linalg.solve(fastnet.eye(2), fastnet.ones(3)), RuntimeError, "expected B with length 2"),
    (lambda: linalg.solve(fastnet.eye(2), fastnet.eye(2).double()), RuntimeError, "one dtype, got float32 and float64"),
    (lambda: linalg.qr(fastnet.eye(2), "full"), ValueError, "got 'full'"),
    (lambda: linalg.norm(fastnet.ones(2), "fro"), RuntimeError, "expected matrices for ord='fro'"),
    (lambda: linalg.matrix_norm(fastnet.eye(2), 3), RuntimeError, "got 3"),
    (lambda: fastnet.diagonal(fastnet.ones(2)), IndexError, "out of range"),
    (lambda: fastnet.trace(fastnet.ones(2)), RuntimeError, "expected a matrix"),
    (lambda: linalg.multi_dot([fastnet.eye(2)]), ValueError, "at least two tensors, got 1"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()
