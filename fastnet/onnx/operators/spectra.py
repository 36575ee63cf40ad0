"""Fourier transforms, windows, and the weights of mel spectra."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnet
from fastnet import Tensor
from fastnet.onnx.forms import DataType
from fastnet.onnx.operators.casting import wanted_dtype
from fastnet.onnx.operators.limits import checked_sizes
from fastnet.onnx.operators.shapes import axis_of
from fastnet.onnx.program import as_tensor
from fastnet.onnx.registry import Node, operator


def transformed(node: Node, x: Tensor, length: Any, axis: int) -> Tensor:
    """The discrete Fourier transform along an axis of (..., 1) real or (..., 2) complex numbers.

    Args:
        node: with the attributes `inverse` and `onesided`.
        x: the numbers.
        length: of the transform, an array; None for that of x.
        axis: the axis.
    """
    inverse, onesided = node.attribute("inverse", 0), node.attribute("onesided", 0)
    n = None if length is None or length.size == 0 else int(np.ravel(length)[0])
    if n is not None:
        checked_sizes([n, *(size for i, size in enumerate(x.shape) if i != axis)], x.dtype)
    if x.shape[-1] == 1 and onesided and not inverse:
        return fastnet.view_as_real(fastnet.fft.rfft(x.squeeze(-1), n, axis))
    numbers = x.squeeze(-1) if x.shape[-1] == 1 else fastnet.complex(x[..., 0], x[..., 1])
    if inverse and onesided:
        return fastnet.fft.irfft(numbers, n, axis).unsqueeze(-1)
    found = (fastnet.fft.ifft if inverse else fastnet.fft.fft)(numbers, n, axis)
    if onesided:
        found = fastnet.narrow(found, axis, 0, found.shape[axis] // 2 + 1)
    return fastnet.view_as_real(found)


@operator("DFT", since=20, known=("length", "axis"))
def dft(node: Node, x: Tensor, length: Any = None, axis: Any = None) -> Tensor:
    """The discrete Fourier transform, with the axis as an input."""
    return transformed(node, x, length, axis_of(-2 if axis is None else int(axis.item()), x.ndim))


@operator("DFT", since=17, known=("length",))
def dft_by_attribute(node: Node, x: Tensor, length: Any = None) -> Tensor:
    """The discrete Fourier transform, with the axis as an attribute."""
    return transformed(node, x, length, axis_of(node.attribute("axis", 1), x.ndim))


@operator("STFT", known=("step", "length"))
def stft(node: Node, x: Tensor, step: Any, window: Tensor | None = None, length: Any = None) -> Tensor:
    """Transforms of the frames of a signal (N, T, 1 or 2): (N, frames, frequencies, 2)."""
    n = int(length.item()) if length is not None else window.shape[0] if window is not None else x.shape[1]
    hop = int(step.item())
    if not 0 < n <= x.shape[1] or hop < 1:
        raise ValueError(f"expected frames of 1 to {x.shape[1]} samples and a step of at least 1, got {n} and {hop}")
    count = (x.shape[1] - n) // hop + 1
    checked_sizes([x.shape[0], count, n, 2], x.dtype)
    frames = x[:, as_tensor(np.arange(count)[:, None] * hop + np.arange(n))]            # (N, frames, n, 1 or 2)
    if window is not None:
        frames = frames * window.reshape(-1, 1)
    real = frames.shape[-1] == 1
    numbers = frames.squeeze(-1) if real else fastnet.complex(frames[..., 0], frames[..., 1])
    if real and node.attribute("onesided", 1):
        return fastnet.view_as_real(fastnet.fft.rfft(numbers))
    found = fastnet.view_as_real(fastnet.fft.fft(numbers))
    return found[:, :, :n // 2 + 1] if node.attribute("onesided", 1) else found


# ---- windows ---------------------------------------------------------------------------------------------------------

def define_window(name: str, coefficients: Sequence[float]) -> None:
    """Register a window that is a sum of cosines: sum_k a_k cos(2 pi k i / n).

    Args:
        name: of the operator.
        coefficients: a_k.
    """
    @operator(name, known=("size",))
    def compute(node: Node, size: Any) -> Any:
        n, dtype = int(size.item()), wanted_dtype(node, "output_datatype", DataType.FLOAT)
        checked_sizes([n], dtype)
        phase = 2 * np.pi * np.arange(n) / max(n if node.attribute("periodic", 1) else n - 1, 1)
        cosines = [a * np.cos(k * phase) for k, a in enumerate(coefficients)]
        return np.sum(cosines, 0).astype(dtype)


define_window("HannWindow", (0.5, -0.5))
define_window("HammingWindow", (25 / 46, -21 / 46))
define_window("BlackmanWindow", (0.42, -0.5, 0.08))


@operator("MelWeightMatrix", known=("bins", "length", "rate", "low", "high"))
def mel_weight_matrix(node: Node, bins: Any, length: Any, rate: Any, low: Any, high: Any) -> Any:
    """Triangular weights (frequencies, bins), evenly spaced on the mel scale."""
    count, size = int(bins.item()), int(length.item())
    dtype = wanted_dtype(node, "output_datatype", DataType.FLOAT)
    checked_sizes([size // 2 + 1, count], np.dtype(np.float64))
    first, last = (2595 * np.log10(1 + float(edge.item()) / 700) for edge in (low, high))
    mels = first + np.arange(count + 2) * (last - first) / (count + 2)
    edges = ((size + 1) * (700 * (10 ** (mels / 2595) - 1)) // float(rate.item())).astype(np.int64)
    weights = np.zeros((size // 2 + 1, count))
    frequencies = np.arange(size // 2 + 1)
    for i, (left, center, right) in enumerate(zip(edges, edges[1:], edges[2:])):
        rising = (frequencies - left) / max(center - left, 1)
        falling = (right - frequencies) / max(right - center, 1)
        weights[left:center + 1, i] = rising[left:center + 1] if center > left else 1
        if right > center:
            weights[center:right, i] = falling[center:right]
    return weights.astype(dtype)
