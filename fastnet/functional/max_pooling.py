"""Maximum pooling over windows that slide over images, and its partial inverse."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional.dims import as_tuple
from fastnet.functional.kernel_calls import check_floating, refuse_bool
from fastnet.functional.layout import as_volume, from_volume
from fastnet.functional.windows import Windows, check_image, on_batch, sliding, volume_lengths
from fastnet.functional.winners import by_position, of_winners

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape, Size

__all__ = [
    "max_over", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d",
    "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]

_NARROW_TAPS = 16                       # windows of at most so many elements keep their winners as uint8


# ---- maximum --------------------------------------------------------------------------------------------------------

@op
def _max_pool(x: Array, windows: Windows, taps: int, tracked: bool, indices: list[Array] | None) -> Result[Array]:
    """The largest element of each window; appends the positions of these elements to `indices`, if it is a list."""
    volume = as_volume(x)
    shape = (volume.shape[0], *windows.lengths, volume.shape[4])
    out, winner = empty(shape, x.dtype), None
    if indices is not None:
        winner = empty(shape, dtypes.int64)
        indices.append(from_volume(winner, x.ndim))
    elif tracked:
        winner = empty(shape, dtypes.uint8 if taps <= _NARROW_TAPS else dtypes.int64)
    K.max_pool(out, winner, volume, windows=windows.axes)
    slope = gradient(of_winners, winner, volume.shape, x.ndim, windows.axes) if tracked else None
    return from_volume(out, x.ndim), (slope, None, None, None, None)


def max_over(name: str, input: Tensor, n: int, windows: Windows, taps: int, return_indices: bool) -> Any:
    """Maximum over windows; with return_indices a pair with the positions of the largest elements.

    Args:
        name: of the operation, for errors.
        input: (N, C, ...) or (C, ...), checked.
        n: the number of spatial dimensions.
        windows: of the pooling.
        taps: the largest number of elements of a window.
        return_indices: whether the positions are wanted.
    """
    refuse_bool(name, input)

    def pooled(x: Tensor) -> tuple[Tensor, ...]:
        indices: list[Any] | None = [] if return_indices else None
        out = _max_pool(x, windows, taps, state.grad_enabled and x.requires_grad, indices)
        return (out,) if indices is None else (out, Tensor._wrap(indices[0]))
    results = on_batch(input, n, pooled)
    return results if return_indices else results[0]


def _max_pool_nd(name: str, n: int, input: Tensor, kernel_size: Size, stride: Size | None, padding: Size,
                 dilation: Size, ceil_mode: bool, return_indices: bool) -> Any:
    check_image(name, input, n)
    windows = sliding(name, input, n, kernel_size, stride, padding, dilation, ceil_mode)
    taps = math.prod(axis[0] for axis in windows.axes or ())
    return max_over(name, input, n, windows, taps, return_indices)


def max_pool1d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient.

    Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.

    Args:
        input: (N, C, L), or (C, L) without a batch; any dtype but bool.
        kernel_size: size of a window: an integer.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        ceil_mode: also pool a last window that is only partly inside the input.
        return_indices: return (output, indices) with the positions of the largest elements, int64.

    Returns:
        (N, C, out_L) with out = (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.max_pool1d(fastnet.tensor([[1.0, 5.0, 2.0, 3.0]]), 2)
        tensor([[5., 3.]])
    """
    return _max_pool_nd("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient.

    Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; any dtype but bool.
        kernel_size: size of a window: an integer, or a pair for H and W.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        ceil_mode: also pool a last window that is only partly inside the input.
        return_indices: return (output, indices) with the positions of the largest elements as h*W + w, int64.

    Returns:
        (N, C, out_H, out_W) with out = (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(16.0).reshape(1, 4, 4)
        >>> fastnet.nn.functional.max_pool2d(x, 2)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """
    return _max_pool_nd("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """Largest element of each window. NaN wins; of equal elements the first in row-major order has the gradient.

    Ranzato et al. 2007, https://doi.org/10.1109/CVPR.2007.383157.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; any dtype but bool.
        kernel_size: size of a window: an integer, or one for each of D, H and W.
        stride: distance between windows; None for the kernel size.
        padding: elements of -inf added at both ends of a dimension, at most half the kernel.
        dilation: distance between the elements of a window.
        ceil_mode: also pool a last window that is only partly inside the input.
        return_indices: return (output, indices) with the positions of the largest elements as (d*H + h)*W + w, int64.

    Returns:
        (N, C, out_D, out_H, out_W) with out = (size + 2*padding - dilation*(kernel_size - 1) - 1) // stride + 1.

    Raises:
        RuntimeError: a wrong number of dimensions, a size out of range, or a kernel larger than the padded input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.max_pool3d(fastnet.arange(8.0).reshape(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    return _max_pool_nd("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool1d` with return_indices: (output, indices).

    Args:
        input, kernel_size, stride, padding, dilation, ceil_mode: as in `max_pool1d`.
        return_indices: ignored.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(8.0).reshape(1, 8)
        >>> fastnet.nn.functional.max_pool1d_with_indices(x, 2)[1]
        tensor([[1, 3, 5, 7]])
    """
    pooled: tuple[Tensor, Tensor] = _max_pool_nd("max_pool1d_with_indices", 1, input, kernel_size, stride, padding,
                                                 dilation, ceil_mode, True)
    return pooled


def max_pool2d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool2d` with return_indices: (output, indices).

    Args:
        input, kernel_size, stride, padding, dilation, ceil_mode: as in `max_pool2d`.
        return_indices: ignored.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(8.0).reshape(1, 2, 4)
        >>> fastnet.nn.functional.max_pool2d_with_indices(x, 2)[1]
        tensor([[[5, 7]]])
    """
    pooled: tuple[Tensor, Tensor] = _max_pool_nd("max_pool2d_with_indices", 2, input, kernel_size, stride, padding,
                                                 dilation, ceil_mode, True)
    return pooled


def max_pool3d_with_indices(input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                            dilation: Size = 1, ceil_mode: bool = False,
                            return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """`max_pool3d` with return_indices: (output, indices).

    Args:
        input, kernel_size, stride, padding, dilation, ceil_mode: as in `max_pool3d`.
        return_indices: ignored.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(8.0).reshape(1, 2, 2, 2)
        >>> fastnet.nn.functional.max_pool3d_with_indices(x, 2)[1]
        tensor([[[[7]]]])
    """
    pooled: tuple[Tensor, Tensor] = _max_pool_nd("max_pool3d_with_indices", 3, input, kernel_size, stride, padding,
                                                 dilation, ceil_mode, True)
    return pooled


# ---- unpooling ------------------------------------------------------------------------------------------------------

@op
def _max_unpool(x: Array, indices: Array, lengths: Shape, what: str) -> Result[Array]:
    volume, places = as_volume(x), as_volume(indices)
    n, c, plane = volume.shape[0], volume.shape[4], math.prod(lengths)
    K.check_index(indices, plane, what=what)
    count = math.prod(volume.shape[1:4])
    out, places = empty((n, plane, c), x.dtype), places.reshape(n, count, c)
    K.max_unpool(out, volume.reshape(n, count, c), places)
    slope = gradient(_of_places, places, volume.shape, x.ndim, lengths)
    return from_volume(out.reshape(n, *lengths, c), x.ndim), (slope, None, None, None)


def _of_places(g: Array, places: Array, shape: Shape, ndim: int, lengths: Shape) -> Array:
    dx = empty(places.shape, g.dtype)
    K.gather(dx, by_position(as_volume(g)), places)
    return from_volume(dx.reshape(shape), ndim)


def _to_places(v: Array, places: Array, shape: Shape, ndim: int, lengths: Shape) -> Array:
    """The sums of the elements of v for each position of the images."""
    out = empty((shape[0], *lengths, shape[4]), v.dtype)
    K.gather_backward(by_position(out), places, by_position(as_volume(v)))
    return from_volume(out, ndim)


transposes(_of_places, _to_places)


def _unpooled_lengths(name: str, input: Tensor, n: int, kernel: Shape, stride: Shape, padding: Shape,
                      output_size: Sequence[int] | None) -> Shape:
    """The spatial lengths of the result, by default those of the smallest input that pooling reduces to this size."""
    usual = tuple((size - 1) * s + k - 2 * p for size, k, s, p in zip(input.shape[-n:], kernel, stride, padding))
    if output_size is None:
        wanted = usual
    else:
        if len(output_size) not in (n, n + 2):
            raise ValueError(f"{name}: expected an output_size of {n} or {n + 2} numbers, got {tuple(output_size)}")
        wanted = tuple(output_size[-n:])
        if any(abs(w - u) >= s for w, u, s in zip(wanted, usual, stride)):
            limits = ", ".join(f"{u - s + 1} to {u + s - 1}" for u, s in zip(usual, stride))
            raise ValueError(f"{name}: output_size {wanted} does not fit an input of shape {shape_text(input)}: "
                             f"expected {limits}")
    if min(wanted) < 1:
        raise RuntimeError(f"{name}: expected an output with elements, got the size {wanted} for an input of shape "
                           f"{shape_text(input)}")
    return wanted


def _max_unpool_nd(name: str, n: int, input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None,
                   padding: Size, output_size: Sequence[int] | None) -> Tensor:
    check_image(name, input, n)
    check_floating(name, input)
    if not isinstance(indices, Tensor):
        raise not_a_tensor(name, "indices", indices)
    if indices.dtype != dtypes.int64:
        raise RuntimeError(f"{name}: expected indices of dtype int64, got {indices.dtype}")
    if indices.shape != input.shape:
        raise RuntimeError(f"{name}: expected indices of the input's shape {shape_text(input)}, got "
                           f"{shape_text(indices)}")
    kernel = as_tuple(name, "kernel_size", kernel_size, n)
    step = kernel if stride is None else as_tuple(name, "stride", stride, n)
    lengths = _unpooled_lengths(name, input, n, kernel, step, as_tuple(name, "padding", padding, n), output_size)
    size, what = volume_lengths(lengths), f"{name}: index"
    if input.ndim == n + 2:
        return _max_unpool(input, indices, size, what)
    return _max_unpool(input.unsqueeze(0), indices.unsqueeze(0), size, what).squeeze(0)


def max_unpool1d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool1d`: each element at the position that pooling took it from, zeros elsewhere.

    Of several elements for one position, the last in row-major order stays. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        input: (N, C, L), or (C, L) without a batch; floating-point.
        indices: the positions that `max_pool1d` returned, int64, in the shape of the input.
        kernel_size, stride, padding: of the pooling; they give the output's size (size - 1)*stride - 2*padding +
            kernel_size.
        output_size: the size of the output, less than a stride from that: 1 numbers, or 3 with N and C.

    Raises:
        RuntimeError: a wrong number of dimensions, or indices of another shape or dtype.
        ValueError: an output_size out of range.
        IndexError: an index outside the output.

    Example:
        >>> import fastnet
        >>> F = fastnet.nn.functional
        >>> x = fastnet.tensor([1.0, 4.0, 3.0, 2.0]).reshape(1, 4)
        >>> size = 2
        >>> F.max_unpool1d(*F.max_pool1d(x, size, return_indices=True), size)
        tensor([[0., 4., 3., 0.]])
    """
    return _max_unpool_nd("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool2d`: each element at the position that pooling took it from, zeros elsewhere.

    Of several elements for one position, the last in row-major order stays. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        input: (N, C, H, W), or (C, H, W) without a batch; floating-point.
        indices: the positions that `max_pool2d` returned, int64, in the shape of the input.
        kernel_size, stride, padding: of the pooling; they give the output's size (size - 1)*stride - 2*padding +
            kernel_size.
        output_size: the size of the output, less than a stride from that: 2 numbers, or 4 with N and C.

    Raises:
        RuntimeError: a wrong number of dimensions, or indices of another shape or dtype.
        ValueError: an output_size out of range.
        IndexError: an index outside the output.

    Example:
        >>> import fastnet
        >>> F = fastnet.nn.functional
        >>> x = fastnet.tensor([1.0, 4.0, 3.0, 2.0]).reshape(1, 1, 4)
        >>> size = (1, 2)
        >>> F.max_unpool2d(*F.max_pool2d(x, size, return_indices=True), size)
        tensor([[[0., 4., 3., 0.]]])
    """
    return _max_unpool_nd("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
                 output_size: Sequence[int] | None = None) -> Tensor:
    """Partial inverse of `max_pool3d`: each element at the position that pooling took it from, zeros elsewhere.

    Of several elements for one position, the last in row-major order stays. Zeiler and Fergus 2013, https://arxiv.org/abs/1311.2901.

    Args:
        input: (N, C, D, H, W), or (C, D, H, W) without a batch; floating-point.
        indices: the positions that `max_pool3d` returned, int64, in the shape of the input.
        kernel_size, stride, padding: of the pooling; they give the output's size (size - 1)*stride - 2*padding +
            kernel_size.
        output_size: the size of the output, less than a stride from that: 3 numbers, or 5 with N and C.

    Raises:
        RuntimeError: a wrong number of dimensions, or indices of another shape or dtype.
        ValueError: an output_size out of range.
        IndexError: an index outside the output.

    Example:
        >>> import fastnet
        >>> F = fastnet.nn.functional
        >>> x = fastnet.tensor([1.0, 4.0, 3.0, 2.0]).reshape(1, 1, 1, 4)
        >>> size = (1, 1, 2)
        >>> F.max_unpool3d(*F.max_pool3d(x, size, return_indices=True), size)
        tensor([[[[0., 4., 3., 0.]]]])
    """
    return _max_unpool_nd("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
