"""Activations."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from fastnet import dtypes
from fastnet._core.tensor import method
from fastnet.autograd import RESULT, gradient, on_tensors, op, transposes
from fastnet.autograd.tape import Along, Pointwise
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.description import UnaryOperation, describe
from fastnet.functional.dims import as_rows, implied_dim, normalize_dim
from fastnet.functional.kernel_calls import call_like, check_floating, dense
from fastnet.functional.layout import channels_first, channels_last

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DTypeLike, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = [
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_into",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmax_slope",
    "softplus",
    "tanh",
]


def _state(slope: Callable[..., Array], on_tape: Callable[..., Any] | None, source: int) -> None:
    """State the gradient of an activation on tensors.

    Args:
        on_tape: dy/dx as operations on tensors; None if it is constant in pieces.
    """
    if on_tape is None:
        transposes(slope)
    else:
        on_tensors(lambda g, kept, *attributes: g * on_tape(kept, *attributes), source)(slope)


def _of_result(name: str, doc: str, result: str, prepare: Callable[[Array], Array],
               on_tape: Callable[[Tensor], Any] | None) -> UnaryOperation:
    """Define an activation of prepare(input) whose gradient follows from its result, `result` for [-1., 0., 1.].

    Args:
        on_tape: as of `_state`, a function of the result.
    """
    def slope(g: Array, y: Array) -> Array:
        return call_like(backward, y, g)

    def function(input: Array) -> Result[Array]:
        y = call_like(name, prepare(input))
        return y, (gradient(slope, y),)
    backward = name + "_backward"
    _state(slope, on_tape, RESULT)
    describe(function, name, doc, f"fastnet.{name}(fastnet.tensor([-1.0, 0.0, 1.0]))", f"tensor({result})")
    return op(function, pointwise=Pointwise(name))


def _of_input(name: str, doc: str, result: str, on_tape: Callable[[Tensor], Any] | None = None) -> UnaryOperation:
    """Define an activation whose gradient follows from its input, `result` for [-1., 0., 1.].

    Args:
        on_tape: as of `_state`, a function of the input.
    """
    def slope(g: Array, x: Array) -> Array:
        return call_like(backward, x, g)

    def function(input: Array) -> Result[Array]:
        check_floating(name, input)
        x = dense(input)
        return call_like(name, x), (gradient(slope, x),)
    backward = name + "_backward"
    _state(slope, on_tape, 0)
    call = f"fastnet.nn.functional.{name}(fastnet.tensor([-1.0, 0.0, 1.0]))"
    return op(describe(function, name, doc, call, f"tensor({result})"), pointwise=Pointwise(name))


def _with_attributes(name: str, on_tape: Callable[..., Any] | None = None) -> Callable[..., Tensor]:
    """Define an operation of a tensor and numbers whose gradient follows from these, as of `_state`."""
    def slope(g: Array, x: Array, *attributes: float) -> Array:
        return call_like(backward, x, g, *attributes)

    def function(input: Array, *attributes: float) -> Result[Array]:
        check_floating(name, input)
        x = dense(input)
        return call_like(name, x, *attributes), (gradient(slope, x, *attributes), *(None for _ in attributes))
    backward = name + "_backward"
    _state(slope, on_tape, 0)
    function.__name__ = function.__qualname__ = name
    return op(function, pointwise=Pointwise(name, attributes=True))


def _without_bool(x: Array) -> Array:
    kernels.refuse_bool("relu", x)
    return x


def _as_floating(x: Array) -> Array:
    return kernels.cast(x, dtypes.float_of(x.dtype))


relu: UnaryOperation = method()(_of_result(
    "relu", "max(x, 0). RuntimeError for bool.", "[0., 0., 1.]", _without_bool, None))
sigmoid: UnaryOperation = method()(_of_result(
    "sigmoid", "1 / (1 + exp(-x)). Integers give float32.", "[0.2689, 0.5   , 0.7311]", _as_floating,
    lambda y: y * (1 - y)))
tanh: UnaryOperation = method()(_of_result(
    "tanh", "(exp(x) - exp(-x)) / (exp(x) + exp(-x)). Integers give float32.",
    "[-0.7616,  0.    ,  0.7616]", _as_floating, lambda y: 1 - y * y))
silu: UnaryOperation = _of_input(
    "silu", "x * sigmoid(x). Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.", "[-0.2689,  0.    ,  0.7311]",
    lambda x: x.sigmoid() * (1 + x * (-x).sigmoid()))
hardswish: UnaryOperation = _of_input(
    "hardswish", "x * min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244.",
    "[-0.3333,  0.    ,  0.6667]", lambda x: (x / 3 + 0.5).where((x > -3) & (x < 3), (x >= 3).to(x.dtype)))
hardsigmoid: UnaryOperation = _of_input(
    "hardsigmoid", "min(max(x + 3, 0), 6) / 6. Howard et al., https://arxiv.org/abs/1905.02244.",
    "[0.3333, 0.5   , 0.6667]")


def _tanh_slope(x: Tensor) -> Tensor:
    """The slope of x * (1 + tanh(inner)) / 2."""
    factor, cubic = math.sqrt(2 / math.pi), 0.044715
    inner, slope = factor * (x + cubic * (x * x * x)), factor * (1 + 3 * cubic * (x * x))
    y = inner.tanh()
    return 0.5 * (1 + y) + 0.5 * x * (1 - y * y) * slope


selu: UnaryOperation = _of_input(
    "selu",
    "1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1). Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.",
    "[-1.1113,  0.    ,  1.0507]", lambda x: (
        1.7580993408473766 * x.clamp(max=0.0).exp()).where(x <= 0, x.new_full((), 1.0507009873554805)))
_gelu = _with_attributes("gelu", lambda x: (
    0.5 * (1 + (x * math.sqrt(0.5)).erf()) + x * (-0.5 * (x * x)).exp() / math.sqrt(2 * math.pi)))
_gelu_tanh = _with_attributes("gelu_tanh", _tanh_slope)
_leaky_relu = _with_attributes("leaky_relu")
_elu = _with_attributes("elu", lambda x, alpha: (alpha * x.clamp(max=0.0).exp()).where(x <= 0, 1.0))
_softplus = _with_attributes(
    "softplus", lambda x, beta, threshold: (beta * x).sigmoid().where(beta * x <= threshold, 1.0))


def gelu(input: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """x * Phi(x), where Phi is the cumulative distribution function of the normal distribution.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Args:
        input: any shape.
        approximate: "none" computes Phi with the error function, "tanh" as
            0.5 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))).

    Raises:
        RuntimeError: an unknown approximation, or a dtype that is not floating-point.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.gelu(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.    ,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: expected approximate to be 'none' or 'tanh', got {approximate!r}")
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x.

    Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models".

    Args:
        input: any shape.
        negative_slope: the slope for negative x.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.leaky_relu(fastnet.tensor([-1.0, 2.0]), 0.1)
        tensor([-0.1,  2. ])
    """
    return _leaky_relu(input, float(negative_slope))


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1). Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Args:
        input: any shape.
        alpha: the function approaches -alpha for large negative x.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.elu(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.    ])
    """
    return _elu(input, float(alpha))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, and x where beta * x > threshold.

    Args:
        input: any shape.
        beta: the sharpness of the bend at 0.
        threshold: the value of beta * x above which the function is linear.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.softplus(fastnet.tensor([0.0, 100.0]))
        tensor([  0.6931, 100.    ])
    """
    return _softplus(input, float(beta), float(threshold))


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.logsigmoid(fastnet.tensor([0.0, -100.0]))
        tensor([  -0.6931, -100.    ])
    """
    return -softplus(-input)


@op
def _hardtanh(x: Array, low: float, high: float) -> Result[Array]:
    check_floating("hardtanh", x)
    x = dense(x)
    return call_like("clamp", x, low, high), (gradient(_hardtanh_slope, x, low, high), None, None)


def _hardtanh_slope(g: Array, x: Array, low: float, high: float) -> Array:
    """The gradient from the input, or from the result, which lies between the limits where the input does."""
    return call_like("hardtanh_backward", x, g, low, high)


transposes(_hardtanh_slope)


@op
def hardtanh_into(x: Array, low: float, high: float) -> Result[Array]:
    """`hardtanh` in the memory of x."""
    K.clamp(x, x, low, high)
    return x, (gradient(_hardtanh_slope, x, low, high), None, None)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """min(max(x, min_val), max_val). Unlike the gradient of `clamp`, its gradient at the limits is 0.

    Integers stay integers: fractions of the limits are dropped.

    Raises:
        ValueError: min_val is above max_val.
        RuntimeError: bools.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hardtanh(fastnet.tensor([-2.0, 0.5, 2.0]))
        tensor([-1. ,  0.5,  1. ])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: expected min_val <= max_val, got {min_val} and {max_val}")
    if input.dtype.kind in "iu":
        return input.clamp(int(min_val), int(max_val))
    return _hardtanh(input, float(min_val), float(max_val))


def relu6(input: Tensor) -> Tensor:
    """hardtanh(x, 0, 6). Krizhevsky 2010, "Convolutional deep belief networks on CIFAR-10".

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.relu6(fastnet.tensor([-1.0, 3.0, 8.0]))
        tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0)


def mish(input: Tensor) -> Tensor:
    """x * tanh(softplus(x)). Misra 2019, https://arxiv.org/abs/1908.08681.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.mish(fastnet.tensor([0.0, 1.0]))
        tensor([0.    , 0.8651])
    """
    return input * tanh(softplus(input))


@op(pointwise=Along(reduces=False))
def _softmax(input: Array, kernel: str, dim: Any, dtype: DTypeLike | None) -> Result[Array]:
    x = kernels.cast(input, dtypes.as_dtype(dtype)) if dtype is not None else input
    check_floating(kernel, x)
    dims = normalize_dim(x, dim)
    if dims == (1,) and 4 <= x.ndim <= 5:       # of images: along rows in either layout, since columns give other bits
        y = channels_last(x)
        y3 = kernels.call_like(kernel, y.reshape(-1, y.shape[-1], 1) if y.size else y.reshape(0, 1, 1))
        return channels_first(y3.reshape(y.shape)), (gradient(_image_softmax_slope, y3, kernel), None, None, None)
    x3, _, _ = as_rows(x, dims)
    y3 = kernels.call_like(kernel, x3)
    return y3.reshape(input.shape), (gradient(softmax_slope, y3, kernel, dims), None, None, None)


def _on_rows(g: Tensor, y: Tensor, kernel: str) -> Tensor:
    """The gradient of softmax or log_softmax over dimension 1, from its result."""
    if kernel == "softmax":
        return y * (g - (g * y).sum(1, keepdim=True))
    return g - y.exp() * g.sum(1, keepdim=True)


@on_tensors(lambda g, y3, kernel, dims: _on_rows(g.reshape(y3.shape), y3, kernel).reshape(g.shape), RESULT)
def softmax_slope(g: Array, y3: Array, kernel: str, dims: Shape) -> Array:
    """The gradient of the softmax over dimensions, from its result y3 as rows."""
    g3, _, _ = as_rows(g, dims)
    return kernels.call_like(kernel + "_backward", y3, g3).reshape(g.shape)


def _on_images(g: Tensor, y3: Tensor, kernel: str) -> Tensor:
    g = g.movedim(1, -1)
    return _on_rows(g.reshape(y3.shape), y3, kernel).reshape(g.shape).movedim(-1, 1)


def _as_image_rows(x: Array, shape: Shape) -> Array:
    return channels_last(x).reshape(-1, shape[1], 1)


def _from_image_rows(v: Array, shape: Shape) -> Array:
    return channels_first(v.reshape(shape[0], *shape[2:], shape[1]))


@on_tensors(_on_images, (RESULT, lambda y3, shape: gradient(_from_image_rows, shape)))
def _image_softmax_slope(g: Array, y3: Array, kernel: str) -> Array:
    g = channels_last(g)
    return channels_first(kernels.call_like(kernel + "_backward", y3, g.reshape(y3.shape)).reshape(g.shape))


transposes(_from_image_rows, _as_image_rows)


@method()
def softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, without overflow.

    Args:
        input: any shape.
        dim: the dimension along which the result adds up to 1. Without it, it is 0 for 0, 1 and 3 dimensions and
            otherwise 1, with a warning, as in PyTorch.
        dtype: convert to this first.

    Raises:
        RuntimeError: a dtype that is not floating-point.

    Example:
        >>> import fastnet
        >>> fastnet.softmax(fastnet.tensor([[0.0, 0.0], [1000.0, 0.0]]), 1)
        tensor([[0.5, 0.5],
                [1. , 0. ]])
    """
    return _softmax(input, "softmax", implied_dim("softmax", input) if dim is None else dim, dtype)


@method()
def log_softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """x - log(sum(exp(x))) along `dim`: the logarithm of `softmax`, without overflow.

    Arguments and errors are those of `softmax`.

    Example:
        >>> import fastnet
        >>> fastnet.log_softmax(fastnet.tensor([0.0, 0.0]), 0)
        tensor([-0.6931, -0.6931])
    """
    return _softmax(input, "log_softmax", implied_dim("log_softmax", input) if dim is None else dim, dtype)
