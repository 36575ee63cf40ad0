"""Activations that are made of other operations: shrinkage, thresholds, gates, learned and random slopes."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.activation import elu, sigmoid, softmax, tanh
from fastnet.functional.compare import clamp, masked_fill, where
from fastnet.functional.dims import as_dim
from fastnet.functional.inplace import apply_to
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.random import rand

if TYPE_CHECKING:
    from fastnet._core.annotations import DTypeLike

__all__ = ["celu", "glu", "gumbel_softmax", "hardshrink", "prelu", "rrelu", "softmin", "softshrink", "softsign",
           "tanhshrink", "threshold"]


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|).

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.softsign(fastnet.tensor([-1.0, 3.0]))
        tensor([-0.5 ,  0.75])
    """
    return input / (1 + input.abs())


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x / alpha) - 1). Barron 2017, https://arxiv.org/abs/1704.07483.

    Args:
        input: any shape.
        alpha: the function approaches -alpha for large negative x; not 0.
        inplace: write the result into the input.

    Raises:
        RuntimeError: alpha is 0, or integers.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.celu(fastnet.tensor([-1.0, 2.0]), 2.0)
        tensor([-0.7869,  2.    ])
    """
    if alpha == 0:
        raise RuntimeError("celu: expected an alpha other than 0")
    return apply_to("celu", _celu, input, inplace, alpha)


def _celu(x: Tensor, alpha: float) -> Tensor:
    return elu(x) if alpha == 1 else elu(x / alpha) * alpha


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x where |x| > lambd, else 0.

    Args:
        input: any shape.
        lambd: the threshold.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hardshrink(fastnet.tensor([-1.0, 0.3, 2.0]))
        tensor([-1.,  0.,  2.])
    """
    check_floating("hardshrink", input)
    return masked_fill(input, (input >= -lambd) & (input <= lambd), 0.0)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0.

    Args:
        input: any shape.
        lambd: the threshold, not negative.

    Raises:
        RuntimeError: a negative threshold, or integers.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.softshrink(fastnet.tensor([-1.0, 0.3, 2.0]))
        tensor([-0.5,  0. ,  1.5])
    """
    check_floating("softshrink", input)
    if not lambd >= 0:
        raise RuntimeError(f"softshrink: expected lambd to be 0 or more, got {lambd}")
    return input - clamp(input, -lambd, lambd)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x).

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.tanhshrink(fastnet.tensor([0.0, 1.0]))
        tensor([0.    , 0.2384])
    """
    return input - tanh(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value.

    Args:
        input: any shape.
        threshold, value: numbers.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.threshold(fastnet.tensor([-1.0, 2.0]), 0.5, 9.0)
        tensor([9., 2.])
    """
    return apply_to("threshold", lambda x: masked_fill(x, x <= threshold, value), input, inplace)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where x > 0, else weight * x, with a learned slope. He et al. 2015, https://arxiv.org/abs/1502.01852.

    Args:
        input: any shape; channels are dimension 1.
        weight: one slope, or one for each channel, in the dtype of the input.

    Raises:
        RuntimeError: another dtype, or another number of slopes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.prelu(fastnet.tensor([-1.0, 2.0]), fastnet.tensor([0.1]))
        tensor([-0.1,  2. ])
    """
    if not isinstance(input, Tensor) or not isinstance(weight, Tensor):
        raise TypeError(f"prelu: expected tensors, got {type(input).__name__} and {type(weight).__name__}")
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: expected one dtype, got {input.dtype} and {weight.dtype}")
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels) or (input.ndim == 0 and weight.numel() != 1):
        raise RuntimeError(f"prelu: expected one slope, or one for each of {channels} channels, got weight of shape "
                           f"{shape_text(weight)} for an input of shape {shape_text(input)}")
    if input.ndim != 2:
        weight = weight.reshape(*(-1 if d == min(1, input.ndim - 1) else 1 for d in range(input.ndim)))
    return where(input > 0, input, weight * input)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False,
          inplace: bool = False) -> Tensor:
    """x where x > 0, else slope * x; in training each element has a random slope, else all have the mean.

    Xu et al. 2015, https://arxiv.org/abs/1505.00853.

    Args:
        input: floating-point, any shape.
        lower, upper: the range of the slopes.
        training: whether slopes are random.
        inplace: write the result into the input.

    Raises:
        RuntimeError: lower is above upper, or integers.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.rrelu(fastnet.tensor([-1.0, 2.0]), 0.25, 0.75)
        tensor([-0.5,  2. ])
    """
    check_floating("rrelu", input)
    if not lower <= upper:
        raise RuntimeError(f"rrelu: expected lower <= upper, got {lower} and {upper}")
    slope = rand(input.shape, dtype=input.dtype) * (upper - lower) + lower if training else (lower + upper) / 2
    return apply_to("rrelu", lambda x: where(x > 0, x, x * slope), input, inplace)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of the input along `dim`.

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Args:
        input: any shape with an even length along `dim`.
        dim: a dimension.

    Raises:
        RuntimeError: an odd length, or a 0-d tensor.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.glu(fastnet.tensor([1.0, 2.0, 0.0, 100.0]))
        tensor([0.5, 2. ])
    """
    if input.ndim == 0:
        raise RuntimeError("glu: expected a tensor with dimensions, got a 0-d tensor")
    axis = as_dim(input, dim)
    if input.shape[axis] % 2:
        raise RuntimeError(f"glu: expected an even length along dimension {dim}, got shape {shape_text(input)}")
    half = input.shape[axis] // 2
    return input.narrow(axis, 0, half) * sigmoid(input.narrow(axis, half, half))


def softmin(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """exp(-x) / sum(exp(-x)) along `dim`: the softmax of -x. Arguments and errors are those of `softmax`.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.softmin(fastnet.tensor([0.0, 1000.0]), 0)
        tensor([1., 0.])
    """
    return softmax(-input, dim, dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """Samples of the relaxed categorical distribution: softmax((logits + Gumbel noise) / tau).

    Jang et al. 2016, https://arxiv.org/abs/1611.01144.

    Args:
        logits: log-probabilities, not normalized.
        tau: the temperature.
        hard: return one-hot vectors, with the gradient of the soft samples.
        eps: ignored.
        dim: the dimension of the classes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.gumbel_softmax(fastnet.tensor([0.0, 1000.0]), hard=True)
        tensor([0., 1.])
    """
    noise = -(-(1 - rand(logits.shape, dtype=logits.dtype)).log()).log()
    soft = softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    chosen = soft.detach().argmax(dim, keepdim=True)
    one = soft.new_zeros(soft.shape).scatter(dim, chosen, 1.0)
    return one - soft.detach() + soft
