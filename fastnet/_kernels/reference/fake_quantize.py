"""Rounding to the numbers that integers with a scale and a zero point represent.

x is (outer, channels, inner), scale and zero are (channels,), of its dtype; zero, low and high are integers.
"""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel


@kernel(flushes=True)
def fake_quantize(out, x, scale, zero, low, high):
    """out = (clamp(round(x / scale) + zero, low, high) - zero) * scale; halves round to even, and a NaN stays."""
    steps = np.clip(np.rint(x / scale[:, None]), low - zero[:, None], high - zero[:, None])
    np.multiply(steps, scale[:, None], out=out)


@kernel(flushes=True)
def fake_quantize_backward(dx, x, dy, scale, zero, low, high):
    """dx = dy where low <= round(x / scale) + zero <= high, else 0 (also where x is NaN)."""
    steps = np.rint(x / scale[:, None])
    inside = (steps >= low - zero[:, None]) & (steps <= high - zero[:, None])
    np.copyto(dx, np.where(inside, dy, np.zeros((), dy.dtype)))
