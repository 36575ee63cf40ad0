"""Frequencies of Fourier transforms, and their order."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.functional.creation import arange
from fastnet.functional.dims import as_dim
from fastnet.functional.joining import cat, roll

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike
    from fastnet._core.tensor import Tensor

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]


def fftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None, device: str | None = None,
            requires_grad: bool = False) -> Tensor:
    """The frequencies of `fft`, in cycles per unit: [0, 1, ..., -2, -1] / (n d).

    Args:
        n: the length of the transform.
        d: the distance of samples.
        dtype: the default dtype by default.
        device: "cpu".
        requires_grad: record gradients for it.

    Example:
        >>> import fastnet
        >>> fastnet.fft.fftfreq(4)
        tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    whole = cat([arange((n + 1) // 2, device=device), arange(-(n // 2), 0)])
    return (whole / (n * d)).to(dtype=dtype).requires_grad_(requires_grad)


def rfftfreq(n: int, d: float = 1.0, *, dtype: DTypeLike | None = None, device: str | None = None,
             requires_grad: bool = False) -> Tensor:
    """The frequencies of `rfft`, in cycles per unit: [0, 1, ..., n // 2] / (n d). Arguments are those of `fftfreq`.

    Example:
        >>> import fastnet
        >>> fastnet.fft.rfftfreq(4)
        tensor([0.  , 0.25, 0.5 ])
    """
    whole = arange(n // 2 + 1, device=device)
    return (whole / (n * d)).to(dtype=dtype).requires_grad_(requires_grad)


def fftshift(input: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Move frequency 0 to the middle.

    Args:
        input: any shape.
        dim: the dimensions, by default all.

    Example:
        >>> import fastnet
        >>> fastnet.fft.fftshift(fastnet.tensor([0, 1, -2, -1]))
        tensor([-2, -1,  0,  1])
    """
    dims = _dims(input, dim)
    return roll(input, [input.shape[d] // 2 for d in dims], dims)


def ifftshift(input: Tensor, dim: int | tuple[int, ...] | None = None) -> Tensor:
    """Inverse of `fftshift`.

    Example:
        >>> import fastnet
        >>> fastnet.fft.ifftshift(fastnet.tensor([-2, -1, 0, 1]))
        tensor([ 0,  1, -2, -1])
    """
    dims = _dims(input, dim)
    return roll(input, [(input.shape[d] + 1) // 2 for d in dims], dims)


def _dims(input: Tensor, dim: int | tuple[int, ...] | None) -> list[int]:
    given = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return [as_dim(input, d) for d in given]
