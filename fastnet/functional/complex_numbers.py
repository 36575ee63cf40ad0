"""Complex tensors: their parts, and conversions from and to real ones.

Gradients along the tape are those of the real and imaginary part, g = dL/dRe - i dL/dIm, so that the chain rule of a
holomorphic function needs no conjugate. `grad` of a leaf is the conjugate of that, dL/dRe + i dL/dIm, as in PyTorch.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like, empty_result
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import check_tensors
from fastnet.functional.pointwise import cos, sin

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, Result

__all__ = ["adjoint", "angle", "complex", "conj", "conj_physical", "imag", "is_conj", "polar", "real",
           "real_parts", "resolve_conj", "view_as_complex", "view_as_real"]


@op
def _conj(x: Array) -> Result[Array]:
    return kernels.unary("conj", x), (_conjugate,)


def _conjugate(g: Array) -> Array:
    return kernels.unary("conj", g)


@method()
def conj(input: Tensor) -> Tensor:
    """The conjugate of complex numbers, as a new tensor; a real tensor itself.

    Example:
        >>> import fastnet
        >>> fastnet.conj(fastnet.tensor([1 + 2j]))
        tensor([1.-2.j], dtype=complex64)
    """
    return _conj(input) if input.dtype.kind == "c" else input


@method()
def adjoint(input: Tensor) -> Tensor:
    """The conjugate transposes of matrices, (..., rows, columns) to (..., columns, rows); `x.mH` is the same.

    Example:
        >>> import fastnet
        >>> fastnet.adjoint(fastnet.tensor([[1 + 2j, 3j]]))
        tensor([[1.-2.j],
                [0.-3.j]], dtype=complex64)
    """
    if input.ndim == 1:
        raise RuntimeError(f"adjoint: expected matrices, (..., rows, columns), got shape {shape_text(input)}")
    return conj(input.mT)


def _of_matrix(input: Tensor) -> Tensor:
    """The conjugate transpose of a matrix."""
    if input.ndim not in (0, 2):
        raise RuntimeError(f"H: expected a matrix, got shape {shape_text(input)}; use mH for several matrices")
    return adjoint(input)


extend(H=property(_of_matrix), mH=property(adjoint))


@method()
def conj_physical(input: Tensor) -> Tensor:
    """See `conj`.

    Example:
        >>> import fastnet
        >>> fastnet.conj_physical(fastnet.tensor([1 + 2j]))
        tensor([1.-2.j], dtype=complex64)
    """
    return conj(input)


@method()
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: `conj` always computes.

    Example:
        >>> import fastnet
        >>> fastnet.resolve_conj(fastnet.tensor([1 + 2j]))
        tensor([1.+2.j], dtype=complex64)
    """
    return input


@method()
def is_conj(input: Tensor) -> bool:
    """False: `conj` always computes.

    Example:
        >>> import fastnet
        >>> fastnet.is_conj(fastnet.tensor([1 + 2j]).conj())
        False
    """
    return False


@op(view=True)
def _real_view(x: Array) -> Result[Array]:
    return x.real, (gradient(_as_complex, x.dtype),)


def _as_complex(g: Array, dtype: DType) -> Array:
    return kernels.cast(g, dtype)


@op(view=True)
def _imag_view(x: Array) -> Result[Array]:
    return x.imag, (gradient(_as_imaginary, x.dtype),)


def _as_imaginary(g: Array, dtype: DType) -> Array:
    return _times_i(g, dtype, -1)


def _times_i(x: Array, dtype: DType, sign: int) -> Array:
    out = empty_like(x, dtype)
    K.times_i(out, x, sign)
    return out


def real(input: Tensor) -> Tensor:
    """The real parts of complex numbers, a view; a real tensor itself.

    Example:
        >>> import fastnet
        >>> fastnet.real(fastnet.tensor([1 + 2j]))
        tensor([1.])
    """
    return _real_view(input) if input.dtype.kind == "c" else input


def imag(input: Tensor) -> Tensor:
    """The imaginary parts of complex numbers, a view.

    Raises:
        RuntimeError: a real tensor.

    Example:
        >>> import fastnet
        >>> fastnet.imag(fastnet.tensor([1 + 2j]))
        tensor([2.])
    """
    if input.dtype.kind != "c":
        raise RuntimeError(f"imag: expected a complex tensor, got {input.dtype}")
    return _imag_view(input)


extend(real=property(real), imag=property(imag))


@op(view=True)
def _view_as_real(x: Array) -> Result[Array]:
    return real_parts(x), (gradient(_from_parts, -1),)


def real_parts(x: Array) -> Array:
    """Complex numbers as real ones in a last dimension of 2, a view; a real array itself."""
    if x.dtype.kind != "c":
        return x
    part = dtypes.real_of(x.dtype)
    return np.lib.stride_tricks.as_strided(x.view(np.ndarray).real, (*x.shape, 2), (*x.strides, part.itemsize))


def _from_parts(g: Array, sign: int) -> Array:
    """g[..., 0] + sign * i * g[..., 1]"""
    out = empty(g.shape[:-1], dtypes.complex_of(g.dtype))
    K.copy(real_parts(out), g)
    return kernels.unary("conj", out) if sign < 0 else out


@op(view=True)
def _view_as_complex(x: Array) -> Result[Array]:
    return x.view(dtypes.complex_of(x.dtype))[..., 0], (_to_parts,)


def _to_parts(g: Array) -> Array:
    return real_parts(kernels.unary("conj", g))


@method()
def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor as a real one with a last dimension of length 2, a view.

    Raises:
        RuntimeError: a real tensor.

    Example:
        >>> import fastnet
        >>> fastnet.view_as_real(fastnet.tensor([1 + 2j]))
        tensor([[1., 2.]])
    """
    if input.dtype.kind != "c":
        raise RuntimeError(f"view_as_real: expected a complex tensor, got {input.dtype}")
    return _view_as_real(input)


@method()
def view_as_complex(input: Tensor) -> Tensor:
    """A real tensor with a last dimension of length 2 as a complex one, a view.

    Raises:
        RuntimeError: another dtype than float32 and float64, another last dimension, or one that is not contiguous.

    Example:
        >>> import fastnet
        >>> fastnet.view_as_complex(fastnet.tensor([[1.0, 2.0]]))
        tensor([1.+2.j], dtype=complex64)
    """
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"view_as_complex: expected float32 or float64, got {input.dtype}")
    if not input.ndim or input.shape[-1] != 2 or input.stride(-1) != 1:
        raise RuntimeError("view_as_complex: expected a contiguous last dimension of length 2, got shape "
                           f"{shape_text(input)} with strides {input.stride()}")
    return _view_as_complex(input)


@op
def _from_two_parts(re: Array, im: Array) -> Result[Array]:
    out = empty_result(kernels.broadcast_shape(re, im), dtypes.complex_of(re.dtype), re, im)
    K.copy(out.real, re)
    K.copy(out.imag, im)
    return out, (_real_part, _negative_imaginary_part)


def _real_part(g: Array) -> Array:
    return g.real


def _negative_imaginary_part(g: Array) -> Array:
    return kernels.neg(g.imag)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers from their real and imaginary parts.

    Args:
        real, imag: float32 or float64, both of the same; shapes broadcast.

    Raises:
        RuntimeError: other dtypes.

    Example:
        >>> import fastnet
        >>> fastnet.complex(fastnet.tensor([1.0]), fastnet.tensor([2.0]))
        tensor([1.+2.j], dtype=complex64)
    """
    check_tensors("complex", real=real, imag=imag)
    if real.dtype not in (dtypes.float32, dtypes.float64) or imag.dtype != real.dtype:
        raise RuntimeError(f"complex: expected float32 or float64, the same for both parts, got {real.dtype} and "
                           f"{imag.dtype}")
    return _from_two_parts(real, imag)


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers from their absolute values and angles: abs * e^(i angle).

    Args:
        abs, angle: float32 or float64, both of the same; shapes broadcast.

    Raises:
        RuntimeError: other dtypes.

    Example:
        >>> import fastnet
        >>> fastnet.polar(fastnet.tensor([2.0]), fastnet.tensor([0.0]))
        tensor([2.+0.j], dtype=complex64)
    """
    check_tensors("polar", abs=abs, angle=angle)
    return complex(abs * cos(angle), abs * sin(angle))


@method()
@op
def angle(input: Array) -> Result[Array]:
    """The angle of complex numbers, in radians from -pi to pi; of real numbers 0, or pi below 0.

    Example:
        >>> import fastnet
        >>> fastnet.angle(fastnet.tensor([1 + 1j, -1]))
        tensor([0.7854, 3.1416])
    """
    x = input if dtypes.category(input.dtype) >= 2 else kernels.cast(input, dtypes.float_of(input.dtype))
    out = empty_like(x, dtypes.real_of(x.dtype))
    K.angle(out, x)
    return out, (gradient(_of_angle, x) if x.dtype.kind == "c" else kernels.zeros_like,)


def _of_angle(g: Array, x: Array) -> Array:
    out = empty_like(x)
    K.angle_backward(out, x, g)
    return out
