"""The windows of convolutions: checks of the arguments, paddings, and the sizes of the output."""
from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.conv_arrays import Geometry, Paddings, same_padding
from fastnet.functional.dims import as_tuple
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.linear import check_one_dtype

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape, Size

__all__ = ["Padding", "plan_conv", "plan_conv_transposed", "window_count"]

Padding: TypeAlias = "Size | Literal['valid', 'same'] | Paddings"


def window_count(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """The windows along a dimension.

    Example:
        >>> window_count(224, kernel=3, stride=2, padding=1, dilation=1)
        112
    """
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def plan_conv(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Padding,
              dilation: Size, groups: int) -> tuple[Tensor, Geometry, Shape]:
    """Check the arguments of a convolution: (the input with a batch, the windows, the sizes of the output)."""
    shapes = _checked_shapes(f"conv{n}d", input, weight, bias)
    sizes: list[Any] = [tuple(s) if isinstance(s, list) else s for s in (stride, padding, dilation)]
    return _with_batch(input, n), *_windows_of_images(n, *shapes, *sizes, groups)


def plan_conv_transposed(n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Size, padding: Size,
                         output_padding: Size, groups: int, dilation: Size) -> tuple[Tensor, Geometry, Shape]:
    """Check the arguments of a transposed convolution: (the input with a batch, the windows, the sizes of the output).
    """
    shapes = _checked_shapes(f"conv_transpose{n}d", input, weight, bias)
    sizes: list[Any] = [tuple(s) if isinstance(s, list) else s for s in (stride, padding, output_padding, dilation)]
    return _with_batch(input, n), *_windows_of_transposed(n, *shapes, *sizes, groups)


def _checked_shapes(name: str, input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Shape, Shape, Shape | None]:
    """The shapes of the arguments, whose dtypes are checked."""
    if not _pass_all_checks(input, weight, bias):
        check_one_dtype(name, ("input", "weight", "bias"), input, weight, *(() if bias is None else (bias,)))
        check_floating(name, input)
    return input.shape, weight.shape, None if bias is None else bias.shape


def _pass_all_checks(input: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether the arguments pass both checks, in less time than these take."""
    return (isinstance(input, Tensor) and isinstance(weight, Tensor) and input.dtype is weight.dtype
            and input.dtype.kind == "f" and (bias is None or (isinstance(bias, Tensor) and bias.dtype is input.dtype)))


def _with_batch(input: Tensor, n: int) -> Tensor:
    """The input with a batch dimension: an input without one gets one of length 1."""
    return input.unsqueeze(0) if input.ndim == n + 1 else input


# ---- on shapes: checks that take longer than a small convolution, once for equal arguments --------------------------

@functools.lru_cache(512, typed=True)              # typed: True equals 1, but is not a size
def _windows_of_images(n: int, input: Shape, weight: Shape, bias: Shape | None, stride: Size, padding: Padding,
                       dilation: Size, groups: int) -> tuple[Geometry, Shape]:
    """The windows of a convolution of images, and the sizes of the output."""
    name = f"conv{n}d"
    _check_filters(name, n, weight, groups)
    _check_bias(name, bias, weight[0])
    _check_input_shape(name, n, input, weight[1] * groups)
    size, kernel = input[-n:], weight[2:]
    steps, spread = _sizes_from(name, "stride", stride, n, 1), _sizes_from(name, "dilation", dilation, n, 1)
    before, after = _paddings(name, padding, kernel, steps, spread)
    padded = [length + b + a for length, b, a in zip(size, before, after)]
    sizes = tuple(map(window_count, padded, kernel, steps, (0,) * n, spread))
    if any(length < d * (k - 1) + 1 for length, k, d in zip(padded, kernel, spread)) or 0 in kernel:
        raise RuntimeError(f"{name}: expected a kernel of 1 or more, no larger than the padded input, got a kernel of "
                           f"size {shape_text(kernel)} with dilation {shape_text(spread)} for a padded input of size "
                           f"{shape_text(tuple(padded))}")
    return _geometry_of(steps, before, spread, groups), (1,) * (3 - n) + sizes


@functools.lru_cache(512, typed=True)
def _windows_of_transposed(n: int, input: Shape, weight: Shape, bias: Shape | None, stride: Size, padding: Size,
                           output_padding: Size, dilation: Size, groups: int) -> tuple[Geometry, Shape]:
    """The windows of a transposed convolution of images, and the sizes of the output."""
    name = f"conv_transpose{n}d"
    _check_filters(name, n, weight, groups)
    _check_bias(name, bias, weight[1] * groups)
    _check_input_shape(name, n, input, weight[0])
    size, kernel = input[-n:], weight[2:]
    steps, spread = _sizes_from(name, "stride", stride, n, 1), _sizes_from(name, "dilation", dilation, n, 1)
    around = _sizes_from(name, "padding", padding, n, 0)
    extra = _sizes_from(name, "output_padding", output_padding, n, 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, steps, spread)):
        raise RuntimeError(f"{name}: expected output_padding to be smaller than stride or dilation, got output_padding="
                           f"{extra}, stride={steps} and dilation={spread}")
    sizes = tuple((length - 1) * s - 2 * p + d * (k - 1) + e + 1 for length, s, p, d, k, e in zip(
        size, steps, around, spread, kernel, extra))
    batch = input[0] if len(input) == n + 2 else 1
    if min(sizes) < min(batch, 1) or 0 in size:
        raise RuntimeError(f"{name}: expected an output of size 1 or more, got {sizes} for an input of shape "
                           f"{shape_text(input)}")
    return _geometry_of(steps, around, spread, groups), (1,) * (3 - n) + sizes


def _check_input_shape(name: str, n: int, input: Shape, channels: int) -> None:
    """Refuse an input of another number of dimensions, with both forms named, or of channels."""
    if len(input) not in (n + 1, n + 2):
        sizes = ", ".join("LHWDHW"[n * (n - 1) // 2:][:n])
        raise RuntimeError(f"{name}: expected an input of shape (N, C, {sizes}), or (C, {sizes}) without a batch, got "
                           f"shape {shape_text(input)}")
    if input[-n - 1] != channels:
        raise RuntimeError(f"{name}: expected an input with {channels} channels for this weight and these groups, got "
                           f"{input[-n - 1]} (shape {shape_text(input)})")


def _check_filters(name: str, n: int, weight: Shape, groups: int) -> None:
    """Refuse a weight of another number of dimensions, and filters that do not divide into groups."""
    if not isinstance(groups, int) or isinstance(groups, bool) or groups < 1:
        raise RuntimeError(f"{name}: expected groups to be an integer of 1 or more, got {groups!r}")
    if len(weight) != n + 2:
        raise RuntimeError(f"{name}: expected a weight with {n + 2} dimensions, got shape {shape_text(weight)}")
    if weight[0] % groups:
        raise RuntimeError(f"{name}: expected the first dimension of the weight to be a multiple of groups={groups}, "
                           f"got a weight of shape {shape_text(weight)}")


def _check_bias(name: str, bias: Shape | None, filters: int) -> None:
    if bias is not None and bias != (filters,):
        raise RuntimeError(f"{name}: expected a bias of shape ({filters},), got {shape_text(bias)}")


def _sizes_from(name: str, argument: str, value: Size, n: int, least: int) -> Shape:
    """One size for each spatial dimension, each at least `least`."""
    sizes = as_tuple(name, argument, value, n)
    if min(sizes) < least:
        raise RuntimeError(f"{name}: expected {argument} of {least} or more, got {value}")
    return sizes


def _geometry_of(stride: Shape, padding: Shape, dilation: Shape, groups: int) -> Geometry:
    """The geometry over (D, H, W); dimensions that are missing come first."""
    missing = 3 - len(stride)
    return Geometry((1,) * missing + stride, (0,) * missing + padding, (1,) * missing + dilation, groups)


def _paddings(name: str, padding: Padding, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Shape, Shape]:
    """The zeros before and after each spatial dimension."""
    if isinstance(padding, Paddings):
        return padding
    if not isinstance(padding, str):
        sizes = _sizes_from(name, "padding", padding, len(kernel), 0)
        return sizes, sizes
    if padding not in ("valid", "same"):
        raise RuntimeError(f"{name}: expected padding to be 'valid', 'same', or numbers, got {padding!r}")
    if padding == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if max(stride) > 1:
        raise RuntimeError(f"{name}: expected stride 1 with padding 'same', got {stride}")
    return same_padding(kernel, dilation)
