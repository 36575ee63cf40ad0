"""Special functions beside PyTorch's, their gradients, and their recordings."""
import numpy as np
import pytest
from gradcheck import gradcheck

import fastnet
from fastnet import special

pytest.importorskip("scipy")

POSITIVE = np.random.default_rng(0).uniform(0.2, 6, (3, 5))
UNIT = np.random.default_rng(1).uniform(0.05, 0.95, (3, 5))
ANY = np.random.default_rng(2).normal(size=(3, 5)) * 3
ANY[0, 0] = 0
SMOOTH = {"digamma": POSITIVE, "erfc": ANY, "erfcx": ANY, "erfinv": UNIT, "ndtr": ANY,
          "ndtri": UNIT, "log_ndtr": ANY, "i0": ANY, "i0e": ANY, "i1": ANY, "i1e": ANY, "exp2": ANY, "sinc": ANY,
          "entr": POSITIVE, "logit": UNIT, "expit": ANY, "gammaln": POSITIVE, "psi": POSITIVE}
PLAIN = [name for name in special.__all__ if "bessel" in name]


@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-4)])
@pytest.mark.parametrize("name", SMOOTH)
def test_like_pytorch(name, dtype, tolerance):
    torch = pytest.importorskip("torch")
    x = SMOOTH[name].astype(dtype)
    ours, theirs = fastnet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    a, b = getattr(special, name)(ours), getattr(torch.special, name)(theirs)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", PLAIN)
def test_bessel_functions_like_pytorch(name):
    torch = pytest.importorskip("torch")
    a = getattr(special, name)(fastnet.tensor(POSITIVE)).numpy()
    np.testing.assert_allclose(a, getattr(torch.special, name)(torch.tensor(POSITIVE)).numpy(), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name, first, second", [
    ("gammainc", np.full(5, 2.5), POSITIVE), ("gammaincc", np.full(5, 2.5), POSITIVE),
    ("zeta", 2.5, POSITIVE), ("xlogy", ANY, POSITIVE),
    ("xlog1py", ANY, POSITIVE), ("xlogy", ANY, 2.0)])
def test_two_arguments_like_pytorch(name, first, second):
    torch = pytest.importorskip("torch")

    def run(f, function):
        xs = [f.tensor(x) if isinstance(x, np.ndarray) else x for x in (first, second)]
        leaves = [x.requires_grad_() for x in xs if not isinstance(x, float) and x.ndim == 2]
        out = function(*xs)
        out.sum().backward()
        return [out.detach().numpy(), *(x.grad.numpy() for x in leaves)]
    for a, b in zip(run(fastnet, getattr(special, name)), run(torch, getattr(torch.special, name)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in special.__all__ if "polynomial" in name])
def test_polynomials_like_pytorch(name):
    torch = pytest.importorskip("torch")
    for n in (-1, 0, 1, 2, 4, 7):
        ours, theirs = (getattr(f.special, name)(f.tensor(UNIT), n) for f in (fastnet, torch))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)
    degrees = np.arange(5)
    ours, theirs = (getattr(f.special, name)(f.tensor(UNIT), f.tensor(degrees)) for f in (fastnet, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)


def test_the_airy_function_like_pytorch():
    torch = pytest.importorskip("torch")
    x = np.linspace(-3, 3, 7)
    ours, theirs = (f.special.airy_ai(f.tensor(x)).numpy() for f in (fastnet, torch))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_orders_like_pytorch(n):
    torch = pytest.importorskip("torch")
    for ours, theirs in ((special.polygamma(n, fastnet.tensor(POSITIVE)), torch.polygamma(n, torch.tensor(POSITIVE))),
                         (fastnet.tensor(POSITIVE).polygamma(n), torch.tensor(POSITIVE).polygamma(n)),
                         (special.multigammaln(fastnet.tensor(POSITIVE + n), n + 1),
                          torch.mvlgamma(torch.tensor(POSITIVE + n), n + 1))):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9)
    gradcheck(lambda x: special.polygamma(n, x), fastnet.tensor(POSITIVE))
    gradcheck(lambda x: x.mvlgamma(n + 1), fastnet.tensor(POSITIVE + n))


def test_a_recording_repeats_special_functions():
    def loss(x):
        x = x.detach().clone().requires_grad_()
        (special.lgamma(x) * special.ndtr(x)).sum().backward()
        return x.grad
    recorded = fastnet.compile(loss)
    for scale in (1, 2, 3):
        x = fastnet.tensor(POSITIVE * scale)
        assert fastnet.equal(recorded(x), loss(x))
    assert len(recorded) == 1


def test_integers_numbers_and_errors():
    assert fastnet.lgamma(fastnet.tensor([1, 2])).dtype == fastnet.float32
    assert fastnet.tensor([0.5]).digamma().shape == (1,)
    with pytest.raises(TypeError, match="lgamma: expected input to be a tensor, got float"):
        fastnet.lgamma(1.0)
    with pytest.raises(RuntimeError, match="polygamma: expected n of 0 or more, got -1"):
        special.polygamma(-1, fastnet.ones(1))
