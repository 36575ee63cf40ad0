"""Windows that frames of a signal are multiplied by, under PyTorch's names."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import from_numpy
from fastnet._core.errors import one_of
from fastnet._core.placement import placed
from fastnet._core.tensor import Tensor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DTypeLike

__all__ = ["WINDOWS", "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window",
           "povey_window", "window_named"]


def _cosine_sum(length: int, periodic: bool, *coefficients: float) -> Array:
    """The sum of coefficients[k] * (-1)^k * cos(2 pi k j / n), j < length, float64."""
    angle = 2 * np.pi * _fractions(length, periodic)
    values = sum(c * (-1.0) ** k * np.cos(k * angle) for k, c in enumerate(coefficients))
    return np.asarray(values)


def _fractions(length: int, periodic: bool) -> Array:
    """j / n, j < length, float64."""
    if length < 1:
        raise ValueError(f"expected a window of at least 1 sample, got {length}")
    found: Array = np.arange(length) / max(length if periodic else length - 1, 1)
    return found


def _as_window(values: Array, dtype: DTypeLike | None, requires_grad: bool) -> Tensor:
    """A window as a tensor; its only sample, if it has one, is 1."""
    values = values if len(values) > 1 else np.ones(1)
    made = from_numpy(values.astype(dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype)))
    return made.requires_grad_(requires_grad)


@placed
def hann_window(window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None,
                requires_grad: bool = False) -> Tensor:
    """Hann window, 0.5 - 0.5*cos(2*pi*j/n), (window_length,).

    Args:
        window_length: the number of samples.
        periodic: n is window_length, for Fourier transforms; otherwise window_length - 1, and the window is symmetric.
        dtype: a floating-point dtype; None: the default one.
        requires_grad: record gradients for it.

    Raises:
        ValueError: a window without samples.

    Example:
        >>> import fastnet
        >>> fastnet.audio.hann_window(4)
        tensor([0. , 0.5, 1. , 0.5])
    """
    return _as_window(_cosine_sum(window_length, periodic, 0.5, 0.5), dtype, requires_grad)


@placed
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
                   dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Hamming window, alpha - beta*cos(2*pi*j/n), (window_length,).

    Args:
        window_length, periodic: as in `hann_window`.
        alpha, beta: the coefficients.
        dtype, requires_grad: as in `hann_window`.

    Example:
        >>> import fastnet
        >>> fastnet.audio.hamming_window(4)
        tensor([0.08, 0.54, 1.  , 0.54])
    """
    return _as_window(_cosine_sum(window_length, periodic, alpha, beta), dtype, requires_grad)


@placed
def blackman_window(window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None,
                    requires_grad: bool = False) -> Tensor:
    """Blackman window, 0.42 - 0.5*cos(2*pi*j/n) + 0.08*cos(4*pi*j/n). Arguments as in `hann_window`.

    Example:
        >>> import fastnet
        >>> fastnet.audio.blackman_window(4).round(decimals=2) + 0.0
        tensor([0.  , 0.34, 1.  , 0.34])
    """
    return _as_window(_cosine_sum(window_length, periodic, 0.42, 0.5, 0.08), dtype, requires_grad)


@placed
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: DTypeLike | None = None,
                    requires_grad: bool = False) -> Tensor:
    """Bartlett window, 1 - abs(2*j/n - 1), a triangle. Arguments as in `hann_window`.

    Example:
        >>> import fastnet
        >>> fastnet.audio.bartlett_window(4)
        tensor([0. , 0.5, 1. , 0.5])
    """
    values = 1 - np.abs(2 * _fractions(window_length, periodic) - 1)
    return _as_window(values, dtype, requires_grad)


@placed
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: DTypeLike | None = None,
                  requires_grad: bool = False) -> Tensor:
    """Kaiser window, I0(beta * sqrt(1 - (2*j/n - 1)^2)) / I0(beta), I0 the modified Bessel function of order 0.

    Args:
        window_length, periodic: as in `hann_window`.
        beta: the larger, the narrower is the window.
        dtype, requires_grad: as in `hann_window`.

    Example:
        >>> import fastnet
        >>> fastnet.audio.kaiser_window(4, beta=1.0)
        tensor([0.7898, 0.945 , 1.    , 0.945 ])
    """
    inside = np.sqrt(np.maximum(1 - (2 * _fractions(window_length, periodic) - 1) ** 2, 0))
    values = np.i0(beta * inside) / np.i0(beta)
    return _as_window(values, dtype, requires_grad)


@placed
def povey_window(window_length: int, periodic: bool = False, *, dtype: DTypeLike | None = None,
                 requires_grad: bool = False) -> Tensor:
    """Kaldi's window, a symmetric Hann window to the power of 0.85. Arguments as in `hann_window`.

    Example:
        >>> import fastnet
        >>> fastnet.audio.povey_window(5)
        tensor([0.    , 0.5548, 1.    , 0.5548, 0.    ])
    """
    return _as_window(np.maximum(_cosine_sum(window_length, periodic, 0.5, 0.5), 0) ** 0.85, dtype, requires_grad)


WINDOWS: dict[str, Callable[[int], Tensor]] = {
    "hann": hann_window, "hamming": hamming_window, "blackman": blackman_window, "povey": povey_window}


def window_named(name: str, length: int) -> Tensor:
    """A window by name.

    Args:
        name: "hann", "hamming", "blackman" or "povey".
        length: the number of samples.

    Raises:
        ValueError: unknown name.

    Example:
        >>> from fastnet.audio.windows import window_named
        >>> window_named("hann", 2)
        tensor([0., 1.])
    """
    if name not in WINDOWS:
        raise one_of("window", name, WINDOWS)
    return WINDOWS[name](length)
