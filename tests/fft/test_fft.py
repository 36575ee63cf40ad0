"""Fourier transforms beside PyTorch's, with gradients, recordings and errors."""
import itertools

import numpy as np
import pytest

import fastnet

RNG = np.random.default_rng(0)
REAL, COMPLEX = RNG.standard_normal((3, 5, 6)), RNG.standard_normal((3, 5, 6)) + 1j * RNG.standard_normal((3, 5, 6))
ONE = [{}, {"n": 4}, {"n": 9, "dim": 1}, {"norm": "ortho"}, {"norm": "forward", "dim": 0}]
TWO = [{}, {"s": (4, 7)}, {"dim": (0, 2), "norm": "ortho"}]
SEVERAL = [*TWO, {"s": (2, 3, 8), "norm": "forward"}, {"dim": (1,)}]
FUNCTIONS = {**dict.fromkeys(("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"), ONE),
             **dict.fromkeys(("fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2"), TWO),
             **dict.fromkeys(("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn"), SEVERAL)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_like_pytorch(name):
    torch = pytest.importorskip("torch")
    for arguments, x in itertools.product(FUNCTIONS[name], (REAL, COMPLEX)):
        if name.startswith(("rfft", "ihfft")) and x is COMPLEX:
            continue
        found = []
        for f in (fastnet, torch):
            leaf = f.tensor(x, requires_grad=True)
            out = getattr(f.fft, name)(leaf, **arguments)
            weights = np.arange(out.numel()).reshape(out.shape) / 7
            loss = (out * f.tensor(weights + (0.5j if out.is_complex() else 0))).abs().square().sum()
            loss.backward()
            found.append((out.detach().resolve_conj().numpy(), leaf.grad.resolve_conj().numpy()))
        for ours, theirs in zip(*found):
            assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-7, err_msg=f"{arguments}")


def test_frequencies_like_pytorch():
    torch = pytest.importorskip("torch")
    for n, d in itertools.product((1, 4, 5), (1.0, 0.3)):
        for name in ("fftfreq", "rfftfreq"):
            a, b = (getattr(f.fft, name)(n, d, dtype=f.float64) for f in (fastnet, torch))
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    for name, dim in itertools.product(("fftshift", "ifftshift"), (None, 1, (0, 2))):
        a, b = (getattr(f.fft, name)(f.tensor(REAL), dim) for f in (fastnet, torch))
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_recorded():
    def spectrum(x):
        x = x.detach().clone().requires_grad_()
        fastnet.fft.rfft(x).abs().sum().backward()
        return x.grad
    recorded = fastnet.compile(spectrum)
    for scale in (1, 2, 3):
        x = fastnet.tensor(REAL * scale)
        assert fastnet.equal(recorded(x), spectrum(x))
    assert len(recorded) == 1


@pytest.mark.parametrize("call, words", [
    (lambda: fastnet.fft.fft(fastnet.ones(3), norm="two"), r"fft\.fft: expected norm .* got 'two'"),
    (lambda: fastnet.fft.fft(fastnet.ones(3), 0), r"fft\.fft: expected at least one number"),
    (lambda: fastnet.fft.rfft(fastnet.tensor([1j])), r"fft\.rfft: expected real numbers, got complex64"),
    (lambda: fastnet.fft.fft(fastnet.ones(3).half()), "got float16"),
    (lambda: fastnet.fft.fft2(fastnet.ones(3, 3), dim=(0, 0)), "as many lengths as different dimensions"),
])
def test_errors(call, words):
    with pytest.raises(RuntimeError, match=words):
        call()
