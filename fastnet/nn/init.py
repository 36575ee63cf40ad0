"""Initialization of tensors: each function fills a tensor in place, without recording gradients, and returns it."""
from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from fastnet._core.errors import name_none as _name_none, one_of, shape_text
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.creation import eye
from fastnet.functional.kernel_calls import cast
from fastnet.functional.random import rand, randn
from fastnet.nn.parameter import making_outlines

if TYPE_CHECKING:
    from typing import ParamSpec

    from fastnet._core.annotations import Array
    from fastnet.random import Generator

    _P = ParamSpec("_P")

__all__ = ["calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_",
           "orthogonal_", "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_"]

_Nonlinearity: TypeAlias = Literal["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
                                   "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
_Mode: TypeAlias = Literal["fan_in", "fan_out"]
_UNIT_GAIN = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def calculate_gain(nonlinearity: _Nonlinearity, param: float | None = None) -> float:
    """Recommended gain of a nonlinearity: the factor on the weights that keeps the variance of its output.

    Args:
        nonlinearity: "linear", "sigmoid" or a "conv..." name (1), "tanh" (5/3), "relu" (sqrt 2), "leaky_relu"
            (sqrt(2 / (1 + param^2))) or "selu" (3/4).
        param: the slope of leaky_relu, 0.01 by default.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> from fastnet import nn
        >>> nn.init.calculate_gain("leaky_relu", 1.0)
        1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, int | float):
            raise ValueError(f"calculate_gain: expected the slope of leaky_relu to be a number, got {slope!r}")
        return math.sqrt(2 / (1 + slope ** 2))
    gains = {**dict.fromkeys((*_UNIT_GAIN, "sigmoid"), 1), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        raise one_of("nonlinearity", nonlinearity, (*gains, "leaky_relu"))
    return gains[nonlinearity]


def _filling(function: Callable[_P, Tensor]) -> Callable[_P, Tensor]:
    """Let a function fill its first argument without a gradient, and leave a tensor without memory unchanged."""
    @functools.wraps(function)
    def fill(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
        if making_outlines():
            return args[0] if args else kwargs["tensor"]        # type: ignore[return-value]
        with no_grad():
            return function(*args, **kwargs)
    return fill


# ---- fixed distributions and constants ------------------------------------------------------------------------------

@_filling
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [a, b); returns the tensor.

    Args:
        tensor: any shape.
        a, b: the limits.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.uniform_(fastnet.empty(100), -1.0, 1.0)
        >>> float(w.min()) >= -1, float(w.max()) < 1
        (True, True)
    """
    return tensor.uniform_(a, b, generator=generator)


@_filling
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers of the given mean and standard deviation; returns the tensor.

    Args:
        tensor: any shape.
        mean, std: of the distribution.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Example:
        >>> import fastnet
        >>> fastnet.nn.init.normal_(fastnet.empty(2), 100.0, 0.0)
        tensor([100., 100.])
    """
    return tensor.normal_(mean, std, generator=generator)


@_filling
def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
                  generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers truncated to [a, b]; returns the tensor.

    Args:
        tensor: any shape.
        mean, std: of the distribution before it is truncated.
        a, b: the limits.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Raises:
        ValueError: a is not less than b, or std is not positive.
        RuntimeError: inside a compiled function, since the number of draws depends on the values drawn.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.trunc_normal_(fastnet.empty(100), std=5.0)
        >>> float(w.abs().max()) <= 2
        True
    """
    forbid_in_recording("trunc_normal_()")
    if not a < b or not std > 0:
        raise ValueError(f"trunc_normal_: expected a < b and a positive std, got a={a}, b={b}, std={std}")
    low, high = (a - mean) / std, (b - mean) / std
    low, high = max(low, min(high, 0) - 10), min(high, max(low, 0) + 10)    # one in 10^22 lies beyond
    values, todo = np.empty(tensor.numel()), np.arange(tensor.numel())
    draw = _uniform_candidates if _uniform_is_better(low, high) else _normal_candidates
    while todo.size:
        candidates, accepted = draw(low, high, todo.size, generator)
        values[todo[accepted]] = candidates[accepted]
        todo = todo[~accepted]
    values = np.clip(values * std + mean, a, b).reshape(tensor.shape)
    return tensor.copy_(Tensor._wrap(cast(values, tensor.dtype)))


def _drawn(draw: Callable[..., Tensor], n: int, generator: Generator | None) -> Array:
    return draw(n, generator=generator, dtype=np.float64)._data


def _normal_candidates(low: float, high: float, n: int, generator: Generator | None) -> tuple[Array, Array]:
    """Normal candidates, and a mask of those to accept: the ones in [low, high]."""
    z = _drawn(randn, n, generator)
    return z, (low <= z) & (z <= high)


def _uniform_candidates(low: float, high: float, n: int, generator: Generator | None) -> tuple[Array, Array]:
    """Uniform candidates in [low, high], and a mask of those to accept: rejection sampling by the normal density."""
    z = low + (high - low) * _drawn(rand, n, generator)
    return z, _drawn(rand, n, generator) <= np.exp((_nearest(low, high) ** 2 - z * z) / 2)


def _nearest(low: float, high: float) -> float:
    """The point of [low, high] nearest to 0."""
    return min(max(low, 0), high)


def _uniform_is_better(low: float, high: float) -> bool:
    """Whether more uniform candidates than normal ones are accepted."""
    return math.sqrt(2 * math.pi) * math.exp(min(_nearest(low, high) ** 2 / 2, 700)) > high - low


@_filling
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value; returns the tensor.

    Args:
        tensor: any shape.
        val: the value.

    Example:
        >>> import fastnet
        >>> fastnet.nn.init.constant_(fastnet.empty(2), 7.0)
        tensor([7., 7.])
    """
    return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones; returns the tensor.

    Example:
        >>> import fastnet
        >>> fastnet.nn.init.ones_(fastnet.empty(2))
        tensor([1., 1.])
    """
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros; returns the tensor.

    Example:
        >>> import fastnet
        >>> fastnet.nn.init.zeros_(fastnet.empty(2))
        tensor([0., 0.])
    """
    return constant_(tensor, 0)


@_filling
def eye_(tensor: Tensor) -> Tensor:
    """Fill with the identity matrix; returns the tensor.

    Raises:
        ValueError: the tensor does not have two dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.init.eye_(fastnet.empty(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {shape_text(tensor)}")
    return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype))


# ---- distributions that keep the variance from layer to layer ------------------------------------------------------

def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out): the number of inputs of each output, and of outputs of each input."""
    if tensor.ndim < 2:
        raise ValueError(f"expected a weight of at least two dimensions, got shape {shape_text(tensor)}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [-b, b), b = gain * sqrt(6 / (fan_in + fan_out)); returns the tensor.

    Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html.

    Args:
        tensor: (outputs, inputs, ...), at least two dimensions.
        gain: see `calculate_gain`.
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Raises:
        ValueError: fewer than two dimensions.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.xavier_uniform_(fastnet.empty(3, 3))
        >>> float(w.abs().max()) <= 1
        True
    """
    bound = gain * math.sqrt(6 / max(sum(fans(tensor)), 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers of standard deviation gain * sqrt(2 / (fan_in + fan_out)); returns the tensor.

    See `xavier_uniform_`.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.xavier_normal_(fastnet.empty(300, 100))
        >>> abs(w.std().item() - (2 / 400) ** 0.5) < 0.002
        True
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / max(sum(fans(tensor)), 1)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: _Mode, nonlinearity: _Nonlinearity) -> float:
    fan_in, fan_out = fans(tensor)
    if mode not in ("fan_in", "fan_out"):
        raise one_of("mode", mode, ("fan_in", "fan_out"))
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan_in if mode == "fan_in" else fan_out, 1))


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: _Mode = "fan_in", nonlinearity: _Nonlinearity = "leaky_relu",
                     generator: Generator | None = None) -> Tensor:
    """Fill with uniform random numbers in [-b, b), b = gain * sqrt(3 / fan); returns the tensor.

    He et al. 2015, https://arxiv.org/abs/1502.01852.

    Args:
        tensor: (outputs, inputs, ...), at least two dimensions.
        a: the slope of leaky_relu for x < 0.
        mode: "fan_in" keeps the variance in the forward pass, "fan_out" in the backward pass.
        nonlinearity: the activation that follows, "relu" or "leaky_relu".
        generator: a `fastnet.Generator`; by default the one that `manual_seed` seeds.

    Raises:
        ValueError: fewer than two dimensions, or an unknown mode or nonlinearity.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.kaiming_uniform_(fastnet.empty(5, 6), nonlinearity="relu")
        >>> float(w.abs().max()) <= 1
        True
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: _Mode = "fan_in", nonlinearity: _Nonlinearity = "leaky_relu",
                    generator: Generator | None = None) -> Tensor:
    """Fill with normal random numbers of standard deviation gain / sqrt(fan); returns the tensor.

    See `kaiming_uniform_`.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.kaiming_normal_(fastnet.empty(300, 100), nonlinearity="relu")
        >>> abs(w.std().item() - (2 / 100) ** 0.5) < 0.003
        True
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


@_filling
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a random matrix whose rows or columns, whichever are fewer, are orthonormal, times `gain`.

    Returns the tensor. Saxe et al. 2013, https://arxiv.org/abs/1312.6120; the matrix is uniformly distributed, by
    Mezzadri 2006, https://arxiv.org/abs/math-ph/0609050.

    Args:
        tensor: at least two dimensions; all after the first are treated as one.
        gain: a factor.
        generator: of random numbers; None takes the default one.

    Raises:
        ValueError: fewer than two dimensions.
        RuntimeError: inside a compiled function.

    Example:
        >>> import fastnet
        >>> w = fastnet.nn.init.orthogonal_(fastnet.empty(2, 3))
        >>> bool(((w @ w.T) - fastnet.eye(2)).abs().max() < 1e-5)
        True
    """
    forbid_in_recording("orthogonal_()")
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least two dimensions, got shape {shape_text(tensor)}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    drawn = _drawn(randn, tensor.numel(), generator).reshape(rows, -1)
    q, r = np.linalg.qr(drawn if rows >= drawn.shape[1] else drawn.T)
    q = q * np.sign(np.diag(r)) * gain
    q = q if rows >= drawn.shape[1] else q.T
    return tensor.copy_(Tensor._wrap(cast(np.ascontiguousarray(q).reshape(tensor.shape), tensor.dtype)))


_name_none(globals())


def __dir__() -> list[str]:
    return sorted(__all__)
