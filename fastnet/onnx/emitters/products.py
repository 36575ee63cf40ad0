"""Matrix products, linear layers, and convolutions."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet.graph.dimension import is_open
from fastnet.onnx.emitting import emits

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape
    from fastnet.graph import Value
    from fastnet.onnx.writer import Operand, Writer

__all__ = ["activated", "convolution", "linear_map"]

_LAST_OPERATORS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


def activated(w: Writer, x: str, activation: str) -> str:
    """An activation at the end of a fused operation.

    Args:
        w: the writer.
        x: the result so far.
        activation: its name, "none" for none.
    """
    if activation == "none":
        return x
    if activation not in _LAST_OPERATORS:
        raise w.refuse(f"the activation {activation!r} at the end of another operation cannot be written as ONNX")
    return w.add(_LAST_OPERATORS[activation], x)


@emits("mm")
def mm(w: Writer, a: Value, b: Value) -> str:
    """(M, K) @ (K, N), or a batch of it."""
    return w.add("MatMul", w.cast(a, w.output.dtype), w.cast(b, w.output.dtype))


@emits("linear")
def linear(w: Writer, x: Value, weight: Value, bias: Value | None) -> str:
    """x @ weight.T + bias, by the weight as the model has it."""
    return linear_map(w, x, len(x.shape), weight, bias)


def linear_map(w: Writer, x: Operand, ndim: int, weight: Operand, bias: Operand) -> str:
    """The nodes of x @ weight.T + bias.

    Args:
        w: the writer.
        x: (..., I).
        ndim: the number of its dimensions.
        weight: (O, I).
        bias: (O,) or None.
    """
    if ndim == 2:
        return w.add("Gemm", x, weight, bias, transB=1)
    product = w.add("MatMul", x, w.transpose(weight, (1, 0)))
    return product if bias is None else w.add("Add", product, bias)


@emits("low_rank_linear")
def low_rank_linear(w: Writer, x: Value, weight: Value, bias: Value | None, down: Value, up: Value, scale: float,
                    dropped: Value | None) -> str:
    """A linear layer with an adapter of `fastnet.lora`."""
    ndim = len(x.shape)
    inner = linear_map(w, linear_map(w, x if dropped is None else dropped, ndim, down, None), ndim, up, None)
    return w.add("Add", linear(w, x, weight, bias), w.add("Mul", inner, w.filled((), scale, x.dtype)))


@emits("activated", "ended", "linear_activated")
def linear_activated(w: Writer, x: Value, weight: Value, bias: Value | None, activation: str) -> str:
    """A linear layer with an activation."""
    return activated(w, linear(w, x, weight, bias), activation)


def convolution(w: Writer, x: Value, weight: Value, bias: Operand, geometry: Any) -> str:
    """A Conv node.

    Args:
        w: the writer.
        x: (N, C, *spatial).
        weight: (O, C / groups, *kernel).
        bias: (O,) or None.
        geometry: of three spatial dimensions, of which the last ones count.
    """
    stride, padding, dilation = _conv_geometry(geometry, len(x.shape) - 2)
    return w.add("Conv", x, weight, bias, kernel_shape=list(weight.shape[2:]), strides=stride,
                 pads=[*padding, *padding], dilations=dilation, group=geometry.groups)


def _conv_geometry(geometry: Any, n: int) -> list[list[int]]:
    """[stride, padding, dilation] of the last n dimensions."""
    return [list(sizes[-n:]) for sizes in geometry[:3]]


@emits("conv")
def conv(w: Writer, x: Value, weight: Value, bias: Value | None, geometry: Any, sizes: Shape, activation: str) -> str:
    """Convolution."""
    return activated(w, convolution(w, x, weight, bias, geometry), activation)


@emits("conv_normed")
def conv_normed(w: Writer, x: Value, weight: Value, bias: Value | None, mean: Value | None, var: Value | None,
                scale: Value | None, shift: Value | None, residual: Value | None, eps: float, geometry: Any,
                sizes: Shape, activation: str) -> str:
    """Convolution, batch norm, residual and activation."""
    result = convolution(w, x, weight, bias, geometry)
    if mean is not None:
        one, zero = w.filled(mean.shape, 1, x.dtype), w.filled(mean.shape, 0, x.dtype)
        result = w.add("BatchNormalization", result, one if scale is None else scale, zero if shift is None else shift,
                       mean, var, epsilon=float(eps))
    if residual is not None:
        result = w.add("Add", result, residual)
    return activated(w, result, activation)


@emits("conv_transposed")
def conv_transposed(w: Writer, x: Value, weight: Value, bias: Value | None, geometry: Any, sizes: Shape) -> str:
    """Transposed convolution."""
    stride, padding, dilation = _conv_geometry(geometry, len(x.shape) - 2)
    lengths = x.shape[2:]
    if is_open(lengths):
        raise w.refuse("a transposed convolution needs a fixed size of the images; leave only the batch open")
    covered = [(n - 1) * s - 2 * p + d * (k - 1) + 1
               for n, s, p, d, k in zip(lengths, stride, padding, dilation, weight.shape[2:])]
    rest = [n - m for n, m in zip(w.output.shape[2:], covered)]
    return w.add("ConvTranspose", x, weight, bias, kernel_shape=list(weight.shape[2:]), strides=stride,
                 pads=[*padding, *padding], dilations=dilation, group=geometry.groups,
                 output_padding=rest if any(rest) else None)
