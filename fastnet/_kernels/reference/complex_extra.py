"""Complex numbers and Fourier transforms, which have only a NumPy form."""
from typing import Any

import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel()
def conj(out, x):
    """out = x with the imaginary parts negated."""
    np.conjugate(x, out=out)


@kernel()
def angle(out, x):
    """out = the angle of complex numbers x, in radians from -pi to pi; for real numbers 0 or pi, and NaN for NaN."""
    out[...] = np.angle(x) if x.dtype.kind == "c" else np.where(np.isnan(x), x, np.where(x < 0, np.pi, 0))


@kernel()
def complex_abs(out, x):
    """out (real) = |x| of complex numbers."""
    np.absolute(x, out=out)


@kernel()
def complex_abs_backward(dx, x, dy):
    """dx = dy * conj(x) / |x|, and 0 where x is 0: see `fastnet.functional.complex_numbers`."""
    size = np.abs(x)
    dx[...] = dy * np.where(size == 0, 0, np.conjugate(x) / np.where(size == 0, 1, size))


@kernel()
def times_i(out, x, sign):
    """out (complex) = sign * i * x."""
    out[...] = sign * 1j * x


@kernel()
def angle_backward(dx, x, dy):
    """dx = -i * dy / x, and 0 where x is 0: see `fastnet.functional.complex_numbers`."""
    dx[...] = np.where(x == 0, 0, -1j * dy / np.where(x == 0, 1, x))


@kernel()
def fft(out, x, dims, inverse, norm):
    """out (complex) = the Fourier transform of x, complex or real, along the dimensions `dims`, or its inverse.

    norm: "backward", "ortho" or "forward", as NumPy has it.
    """
    transform = np.fft.ifftn if inverse else np.fft.fftn
    out[...] = transform(x, axes=dims, norm=norm)


@kernel()
def fft_real(out, x, dim, norm):
    """out = the non-negative frequencies of the Fourier transform of real x along a dimension."""
    out[...] = np.fft.rfft(x, axis=dim, norm=norm)


@kernel()
def fft_real_inverse(out, x, dim, norm):
    """out (real) = the inverse of `fft_real`, with out.shape[dim] numbers along the dimension."""
    out[...] = np.fft.irfft(x, out.shape[dim], axis=dim, norm=norm)


@kernel()
def fft_real_backward(dx, dy, dim, norm):
    """dx (real) = the gradient of `fft_real` from dy: see `fastnet.functional.complex_numbers`."""
    n = dx.shape[dim]
    dx[...] = np.fft.fft(dy, n, axis=dim, norm=norm).real


_INVERTED: Any = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@kernel()
def fft_real_inverse_backward(dx, dy, dim, norm):
    """dx (complex) = the gradient of `fft_real_inverse` from dy: see `fastnet.functional.complex_numbers`."""
    n, count = dy.shape[dim], dx.shape[dim]
    found = np.conjugate(np.fft.rfft(dy, axis=dim, norm=_INVERTED[norm]))
    weights = np.full(found.shape[dim], 2.0)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    found = np.moveaxis(found, dim, -1) * weights
    target = np.moveaxis(dx, dim, -1)
    target[...] = 0
    kept = min(count, found.shape[-1])
    target[..., :kept] = found[..., :kept]
