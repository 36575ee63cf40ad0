"""Random draws from Philox4x32-10 (tools/philox.py). Every kernel is a function of its arguments and changes no state.

`state` is a uint64 array [seed, counter], read at run time; `offset` is added to the counter. A counter gives four
32-bit words. Element i of a draw uses word i; a float64 draw and an integer draw use the pair of words 2i, 2i+1.
A draw of n elements uses `blocks(n, dtype)` counters. The integers are the same on both backends.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.philox import pairs, unit, words


def blocks(n, dtype):
    """Number of counters that a draw of `n` elements uses. A dropout mask is a draw of float32 for any dtype of x."""
    per_block = 2 if np.dtype(dtype).itemsize == 8 else 4
    return -(-n // per_block)


def _expect_real(name, dtype):
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{name}: expected float32 or float64, got {dtype}")


@kernel(flushes=True)
def random_uniform(out, state, offset, low=0.0, high=1.0):
    """out = low + (high - low) * u, rounded to below high; u in [0, 1) has 24 bits for float32, 53 for float64."""
    _expect_real("random_uniform", out.dtype)
    real = out.dtype.type
    limit = np.finfo(real).max
    if not (low <= high and high - low <= limit and abs(low) <= limit and abs(high) <= limit):
        raise RuntimeError(f"random_uniform: expected low <= high, both finite and not too far apart for {out.dtype}, "
                         f"got low={low}, high={high}")
    low, high = real(low), real(high)
    u = unit(state, offset, out.size, out.dtype)
    u *= high - low
    u += low
    np.minimum(u.reshape(out.shape), np.nextafter(high, low), out=out)


@kernel(flushes=True)
def random_normal(out, state, offset, mean=0.0, std=1.0):
    """out = mean + std * z with z standard normal, by the method of Box and Muller on pairs of elements.

    (z0, z1) = sqrt(-2 log u) * (sign * cos a, sin a): the first word (float64: pair of words) gives u in (0, 1], the
    second a sign and an angle -pi/2 < a < pi/2.
    """
    _expect_real("random_normal", out.dtype)
    if not std >= 0:
        raise RuntimeError(f"random_normal: expected std >= 0, got {std}")
    n = out.size + out.size % 2
    if out.dtype == np.float32:
        w = words(state, offset, n).reshape(-1, 2)
        u = (w[:, 0] >> np.uint32(1)).astype(np.float32) * np.float32(2.0**-31) + np.float32(2.0**-32)
        turn = ((w[:, 1] >> np.uint32(7) & np.uint32(0xFFFFFF)).astype(np.float64) - (2.0**23 - 0.5)) * 2.0**-23
        sign = np.where(w[:, 1] >> np.uint32(31), -1.0, 1.0)
    else:
        x = pairs(state, offset, n).reshape(-1, 2)
        u = ((x[:, 0] >> np.uint64(11)) + np.uint64(1)).astype(np.float64) * 2.0**-53
        k = (x[:, 1] >> np.uint64(10) & np.uint64(2**53 - 1)).astype(np.int64) - 2**52
        turn = (k.astype(np.float64) + 0.5) * 2.0**-52
        sign = np.where(x[:, 1] >> np.uint64(63), -1.0, 1.0)
    radius = np.sqrt(-2 * np.log(u.astype(np.float64)))
    angle = turn * (np.pi / 2)
    z = np.empty((n // 2, 2))
    np.multiply(radius * sign, np.cos(angle), out=z[:, 0])
    np.multiply(radius, np.sin(angle), out=z[:, 1])
    z *= std
    z += mean
    out[...] = z.reshape(-1)[:out.size].reshape(out.shape)


@kernel()
def random_integers(out, state, offset, low, high):
    """out = low + x mod (high - low), int64, with x of 64 bits: low <= out < high."""
    if not -2**63 <= low < high <= 2**63:
        raise RuntimeError(f"random_integers: expected low < high within int64, got low={low}, high={high}")
    x = pairs(state, offset, out.size)
    if high - low < 2**64:
        x %= np.uint64(high - low)
    x += np.uint64(low % 2**64)
    out[...] = x.view(np.int64).reshape(out.shape)


@kernel()
def random_bernoulli(out, p_array, state, offset):
    """out = 1 with probability p, else 0; p_array has out's size and dtype. A p outside [0, 1] raises."""
    _expect_real("random_bernoulli", out.dtype)
    p = p_array.reshape(-1)
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        i = int(bad.argmax())
        raise RuntimeError(f"random_bernoulli: expected probabilities between 0 and 1, got {p[i]} at position {i}")
    np.less(unit(state, offset, out.size, out.dtype).reshape(out.shape), p_array, out=out)


def _keep_scale(name, p, dtype):
    _expect_real(name, dtype)
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
    return dtype.type(1 / (1 - p) if p < 1 else 0)


@kernel(outputs=2, flushes=True)
def dropout(out, mask, x, state, offset, p):
    """mask = 1 (uint8) where x is kept, with probability 1 - p, else 0; out = x * mask / (1 - p). One word an element.

    An element is kept where its word is at least round(p * 2**32).
    """
    scale = _keep_scale("dropout", p, x.dtype)
    np.greater_equal(words(state, offset, x.size).reshape(x.shape), round(p * 2.0**32), out=mask)
    np.multiply(x, mask * scale, out=out)


@kernel(flushes=True)
def dropout_backward(dx, mask, dy, p):
    """dx = dy * mask / (1 - p)."""
    np.multiply(dy, mask * _keep_scale("dropout_backward", p, dy.dtype), out=dx)
