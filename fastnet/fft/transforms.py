"""Discrete Fourier transforms, through NumPy. They take float32, float64 or complex tensors; integers become float32.

`norm` is "backward" (the default; the inverse is divided by n), "ortho" (both by sqrt(n)) or "forward".
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.complex_numbers import conj
from fastnet.functional.description import describe
from fastnet.functional.dims import as_dim
from fastnet.functional.joining import cat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastnet._core.annotations import Array, DType, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = [
    "fft",
    "fft2",
    "fftn",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftn",
]

_OPPOSITE_NORM = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


@op
def _transform(x: Array, dims: Shape, inverse: bool, norm: str) -> Result[Array]:
    out = empty(x.shape, dtypes.complex_of(x.dtype))
    K.fft(out, x, dims, inverse, norm)
    return out, (gradient(_of_transform, dims, inverse, norm), None, None, None)


def _of_transform(g: Array, dims: Shape, inverse: bool, norm: str) -> Array:
    """The transform is symmetric, so that its transpose is the transform itself."""
    out = empty(g.shape, g.dtype)
    K.fft(out, g, dims, inverse, norm)
    return out


@op
def _real_transform(x: Array, dim: int, norm: str) -> Result[Array]:
    shape = list(x.shape)
    shape[dim] = shape[dim] // 2 + 1
    out = empty(tuple(shape), dtypes.complex_of(x.dtype))
    K.fft_real(out, x, dim, norm)
    return out, (gradient(_of_real_transform, x.shape, x.dtype, dim, norm), None, None)


def _of_real_transform(g: Array, shape: Shape, dtype: DType, dim: int, norm: str) -> Array:
    out = empty(shape, dtype)
    K.fft_real_backward(out, g, dim, norm)
    return out


@op
def _real_inverse(x: Array, n: int, dim: int, norm: str) -> Result[Array]:
    shape = list(x.shape)
    shape[dim] = n
    out = empty(tuple(shape), dtypes.real_of(x.dtype))
    K.fft_real_inverse(out, x, dim, norm)
    return out, (gradient(_of_real_inverse, x.shape, x.dtype, dim, norm), None, None, None)


def _of_real_inverse(g: Array, shape: Shape, dtype: DType, dim: int, norm: str) -> Array:
    out = empty(shape, dtype)
    K.fft_real_inverse_backward(out, g, dim, norm)
    return out


def _prepared(name: str, input: Tensor, norm: str | None) -> tuple[Tensor, str]:
    """The input as floating-point or complex numbers, and the checked name of the norm."""
    norm = "backward" if norm is None else norm
    if norm not in _OPPOSITE_NORM:
        raise RuntimeError(f"fft.{name}: expected norm 'backward', 'ortho' or 'forward', got {norm!r}")
    if input.dtype == dtypes.float16:
        raise RuntimeError(f"fft.{name}: expected float32, float64 or complex numbers, got float16; convert it with "
                           ".float()")
    return (input if input.dtype.kind in "fc" else input.to(dtypes.get_default_dtype())), norm


def _resized(name: str, x: Tensor, dim: int, n: int | None) -> Tensor:
    """x cut or filled up with zeros to length n along a dimension."""
    have = x.shape[dim]
    n = have if n is None else n
    if n < 1:
        raise RuntimeError(f"fft.{name}: expected at least one number along dimension {dim}, got {n} for shape "
                           f"{shape_text(x)}")
    if n <= have:
        return x if n == have else x.narrow(dim, 0, n)
    shape = list(x.shape)
    shape[dim] = n - have
    return cat([x, x.new_zeros(tuple(shape))], dim)


def _dims_and_lengths(name: str, x: Tensor, s: Sequence[int] | None, dim: Any) -> tuple[list[int], list[int | None]]:
    """The dimensions of a transform over several, and the length of each, or None."""
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None:
        count = x.ndim if s is None else len(s)
        dims = list(range(x.ndim - count, x.ndim))
    else:
        dims = [as_dim(x, d) for d in dim]
    sizes: list[int | None] = [None] * len(dims) if s is None else [None if n in (-1, None) else n for n in s]
    if len(sizes) != len(dims) or len(set(dims)) != len(dims):
        raise RuntimeError(f"fft.{name}: expected as many lengths as different dimensions, got s={s} and dim={dim}")
    return dims, sizes


def _complex_transform(name: str, inverse: bool) -> Callable[..., Tensor]:
    def function(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
        x, norm = _prepared(name, input, norm)
        d = as_dim(x, dim)
        return _transform(_resized(name, x, d, n), (d,), inverse, norm)
    what, example = (
        ("Inverse discrete Fourier transform", "[4+0j, 0, 0, 0]") if inverse
        else ("Discrete Fourier transform", "[1.0, 1.0, 1.0, 1.0]"))
    result = "tensor([1.+0.j, 1.+0.j, 1.+0.j, 1.+0.j], dtype=complex64)" if inverse else (
        "tensor([4.+0.j, 0.+0.j, 0.+0.j, 0.+0.j], dtype=complex64)")
    return _transform_with_doc(function, name, f"{what} along a dimension",
                               f"fastnet.fft.{name}(fastnet.tensor({example}))", result)


def _transform_with_doc(function: Callable[..., Tensor], name: str, doc: str, call: str,
                        result: str) -> Callable[..., Tensor]:
    several = "s" in function.__code__.co_varnames[:function.__code__.co_argcount]
    arguments = ("s: the lengths to cut or fill up with zeros to first, one for each dimension.\n"
                 "        dim: the dimensions; by default the last ones." if several else
                 "n: the length to cut or fill up with zeros to first.\n        dim: the dimension.")
    return describe(function, name, f"{doc}.\n\n    Args:\n        input: numbers.\n        {arguments}\n"
                    "        norm: \"backward\", \"ortho\" or \"forward\": see the module.\n\n    Raises:\n"
                    "        RuntimeError: an unknown norm, a length below 1, or float16.", call, result)


def _several_transforms(name: str, inverse: bool, default: Any) -> Callable[..., Tensor]:
    def function(input: Tensor, s: Sequence[int] | None = None, dim: Any = default,
                 norm: str | None = None) -> Tensor:
        x, norm = _prepared(name, input, norm)
        dims, sizes = _dims_and_lengths(name, x, s, dim)
        for d, n in zip(dims, sizes):
            x = _resized(name, x, d, n)
        return _transform(x, tuple(dims), inverse, norm)
    what = ("Inverse d" if inverse else "D") + "iscrete Fourier transform over "
    return _transform_with_doc(function, name, what + ("two dimensions" if default else "several dimensions"),
                      f"fastnet.fft.{name}(fastnet.ones(1, 1))", "tensor([[1.+0.j]], dtype=complex64)")


fft: Callable[..., Tensor] = _complex_transform("fft", False)
ifft: Callable[..., Tensor] = _complex_transform("ifft", True)
fft2: Callable[..., Tensor] = _several_transforms("fft2", False, (-2, -1))
ifft2: Callable[..., Tensor] = _several_transforms("ifft2", True, (-2, -1))
fftn: Callable[..., Tensor] = _several_transforms("fftn", False, None)
ifftn: Callable[..., Tensor] = _several_transforms("ifftn", True, None)


# ---- real numbers ---------------------------------------------------------------------------------------------------

def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Non-negative frequencies of the discrete Fourier transform of real numbers, n // 2 + 1 of them.

    Args:
        input: real numbers.
        n: the length to cut or fill up with zeros to first.
        dim: the dimension.
        norm: "backward", "ortho" or "forward": see the module.

    Raises:
        RuntimeError: complex numbers, float16, an unknown norm, or a length below 1.

    Example:
        >>> import fastnet
        >>> fastnet.fft.rfft(fastnet.ones(4))
        tensor([4.+0.j, 0.+0.j, 0.+0.j], dtype=complex64)
    """
    x, norm = _prepared("rfft", input, norm)
    if x.dtype.kind == "c":
        raise RuntimeError(f"fft.rfft: expected real numbers, got {x.dtype}; use fft")
    d = as_dim(x, dim)
    return _real_transform(_resized("rfft", x, d, n), d, norm)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Inverse of `rfft`: n real numbers from the non-negative frequencies.

    Args:
        input: complex or real numbers.
        n: the length of the result, by default 2 * (the input's - 1).
        dim: the dimension.
        norm: "backward", "ortho" or "forward": see the module.

    Raises:
        RuntimeError: float16, an unknown norm, or a length below 1.

    Example:
        >>> import fastnet
        >>> fastnet.fft.irfft(fastnet.tensor([4+0j, 0, 0]))
        tensor([1., 1., 1., 1.])
    """
    x, norm = _prepared("irfft", input, norm)
    d = as_dim(x, dim)
    n = 2 * (x.shape[d] - 1) if n is None else n
    x = x.to(dtypes.complex_of(x.dtype))
    if n < 1:
        raise RuntimeError(f"fft.irfft: expected a result of at least one number, got {n} for shape "
                           f"{shape_text(input)}")
    return _real_inverse(_resized("irfft", x, d, n // 2 + 1), n, d, norm)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Real Fourier transform of numbers whose negative times are the conjugates. Arguments are those of `irfft`.

    Example:
        >>> import fastnet
        >>> fastnet.fft.hfft(fastnet.tensor([1+0j, 0, 0]))
        tensor([1., 1., 1., 1.])
    """
    return irfft(conj(input), n, dim, _OPPOSITE_NORM.get(norm or "backward", norm))


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """Inverse of `hfft`. Arguments are those of `rfft`.

    Example:
        >>> import fastnet
        >>> fastnet.fft.ihfft(fastnet.ones(4)).real
        tensor([1., 0., 0.])
    """
    return conj(rfft(input, n, dim, _OPPOSITE_NORM.get(norm or "backward", norm)))


def _real_transforms(name: str, default: Any) -> Callable[..., Tensor]:
    def function(input: Tensor, s: Sequence[int] | None = None, dim: Any = default,
                 norm: str | None = None) -> Tensor:
        dims, sizes = _dims_and_lengths(name, input, s, dim)
        found = rfft(input, sizes[-1], dims[-1], norm)
        return fftn(found, sizes[:-1], dims[:-1], norm) if len(dims) > 1 else found
    return _transform_with_doc(function, name, "`rfft` of the last dimension, and `fftn` of the others",
                      f"fastnet.fft.{name}(fastnet.ones(1, 2))", "tensor([[2.+0.j, 0.+0.j]], dtype=complex64)")


def _real_inverses(name: str, default: Any) -> Callable[..., Tensor]:
    def function(input: Tensor, s: Sequence[int] | None = None, dim: Any = default,
                 norm: str | None = None) -> Tensor:
        dims, sizes = _dims_and_lengths(name, input, s, dim)
        found = ifftn(input, sizes[:-1], dims[:-1], norm) if len(dims) > 1 else input
        return irfft(found, sizes[-1], dims[-1], norm)
    return _transform_with_doc(function, name, "Inverse of the real transform over the same dimensions",
                      f"fastnet.fft.{name}(fastnet.tensor([[2+0j, 0]]))", "tensor([[1., 1.]])")


rfft2: Callable[..., Tensor] = _real_transforms("rfft2", (-2, -1))
rfftn: Callable[..., Tensor] = _real_transforms("rfftn", None)
irfft2: Callable[..., Tensor] = _real_inverses("irfft2", (-2, -1))
irfftn: Callable[..., Tensor] = _real_inverses("irfftn", None)


def _hermitian_transforms(name: str, default: Any, inverse: bool) -> Callable[..., Tensor]:
    def function(input: Tensor, s: Sequence[int] | None = None, dim: Any = default,
                 norm: str | None = None) -> Tensor:
        norm = _OPPOSITE_NORM.get(norm or "backward", norm)
        return conj(rfftn(input, s, dim, norm)) if inverse else irfftn(conj(input), s, dim, norm)
    x, result = ("ones(1, 2)", "tensor([[1.-0.j, 0.-0.j]], dtype=complex64)") if inverse else (
        "tensor([[1+0j, 0]])", "tensor([[1., 1.]])")
    return _transform_with_doc(function, name, "`ihfft` over several dimensions" if inverse else
                               "`hfft` over several dimensions", f"fastnet.fft.{name}(fastnet.{x})", result)


hfft2: Callable[..., Tensor] = _hermitian_transforms("hfft2", (-2, -1), False)
hfftn: Callable[..., Tensor] = _hermitian_transforms("hfftn", None, False)
ihfft2: Callable[..., Tensor] = _hermitian_transforms("ihfft2", (-2, -1), True)
ihfftn: Callable[..., Tensor] = _hermitian_transforms("ihfftn", None, True)
