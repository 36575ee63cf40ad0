"""Dropout of whole channels, and alpha dropout, which keeps mean and variance. Plain dropout is in random.py."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K, random_blocks
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.creation import full
from fastnet.functional.inplace import replace_value
from fastnet.functional.random import bernoulli, check_probability
from fastnet.random import default_generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

_ALPHA = 1.7580993408473766             # minus the limit of SELU(x) for x -> -inf, which dropped elements become


# ---- whole channels -------------------------------------------------------------------------------------------------

@op
def _scaled_channels(x: Array, p: float, shape: Shape) -> Result[Array]:
    """x times 0 or 1 / (1 - p), one random factor for each sample and channel: `shape` is (N, C, 1, ...)."""
    mask, factors = empty(shape, dtypes.uint8), empty(shape, x.dtype)
    block, offset = default_generator.reserve(random_blocks(factors.size, dtypes.float32))
    K.dropout(factors, mask, kernels.full(shape, 1, x.dtype), block, offset, p)
    return kernels.mul(x, factors), (gradient(_times_factors, factors), None, None)


def _times_factors(g: Array, factors: Array) -> Array:
    return kernels.mul(g, factors)


transposes(_times_factors)


def _channel_shape(name: str, x: Array | Tensor) -> Shape:
    """The shape (N, C, 1, ...) of one number for each sample and channel.

    Raises:
        RuntimeError: fewer than 2 dimensions.
    """
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected an input of shape (N, C, ...), got {shape_text(x)}")
    return (*x.shape[:2], *(1 for _ in x.shape[2:]))


def _channel_dropout(name: str, input: Tensor, p: float, training: bool, inplace: bool, batched: int) -> Tensor:
    """Dropout of whole channels. `batched` is the number of dimensions of (N, C, *spatial).

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: the input has fewer than 2 dimensions.
    """
    check_probability(name, p)
    if not training or p == 0:
        return input
    unbatched = input.ndim == batched - 1 and name != "dropout2d"
    x = input.unsqueeze(0) if unbatched else input
    dropped = x * 0 if p == 1 else _scaled_channels(x, float(p), _channel_shape(name, x))
    dropped = dropped.squeeze(0) if unbatched else dropped
    return replace_value(name, input, dropped) if inplace else dropped


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of a sequence with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Tompson et al. 2015, https://arxiv.org/abs/1411.4280.

    Args:
        input: (N, C, L) or (C, L).
        p: between 0 and 1.
        training: False returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: another number of dimensions.

    Example:
        >>> import fastnet
        >>> sorted(set(fastnet.nn.functional.dropout1d(fastnet.ones(1, 50, 2)).sum(2).flatten().tolist()))
        [0.0, 4.0]
    """
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: expected an input of shape (N, C, L) or (C, L), got {shape_text(input)}")
    return _channel_dropout("dropout1d", input, p, training, inplace, 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of an image with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Tompson et al. 2015, https://arxiv.org/abs/1411.4280. As in PyTorch, 3 dimensions are (N, C, L), not an unbatched
    image, and other numbers of dimensions than 4 give a warning.

    Args:
        input: (N, C, H, W).
        p: between 0 and 1.
        training: False returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: fewer than 2 dimensions.

    Example:
        >>> import fastnet
        >>> sorted(set(fastnet.nn.functional.dropout2d(fastnet.ones(1, 50, 2, 2)).sum((2, 3)).flatten().tolist()))
        [0.0, 8.0]
    """
    if input.ndim == 3:
        _warn(f"dropout2d: an input of shape {shape_text(input)} is taken as (N, C, L), for which there is dropout1d; "
              "add a dimension to an unbatched image with unsqueeze(0)")
    elif input.ndim != 4:
        _warn(f"dropout2d: expected an input of shape (N, C, H, W), got {shape_text(input)}; dimension 1 is taken as "
              "the channels")
    return _channel_dropout("dropout2d", input, p, training, inplace, 4)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero channels of a volume with probability p and scale the others by 1/(1-p); the identity in evaluation.

    Tompson et al. 2015, https://arxiv.org/abs/1411.4280. As in PyTorch, another number of dimensions gives a warning.

    Args:
        input: (N, C, D, H, W) or (C, D, H, W).
        p: between 0 and 1.
        training: False returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: fewer than 2 dimensions.

    Example:
        >>> import fastnet
        >>> x = fastnet.ones(1, 50, 1, 2, 2)
        >>> sorted(set(fastnet.nn.functional.dropout3d(x).sum((2, 3, 4)).flatten().tolist()))
        [0.0, 8.0]
    """
    if input.ndim not in (4, 5):
        _warn(f"dropout3d: expected an input of shape (N, C, D, H, W) or (C, D, H, W), got {shape_text(input)}; "
              "dimension 1 is taken as the channels")
    return _channel_dropout("dropout3d", input, p, training, inplace, 5)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)


# ---- alpha dropout --------------------------------------------------------------------------------------------------

def _alpha_dropout(name: str, input: Tensor, p: float, training: bool, inplace: bool,
                   mask_shape: Callable[[str, Tensor], Shape]) -> Tensor:
    check_probability(name, p)
    if not training or p == 0:
        return input
    if p == 1:
        dropped = input * 0
    else:
        scale = 1 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
        kept = bernoulli(full(mask_shape(name, input), 1 - p, dtype=input.dtype))
        dropped = input * (kept * scale) + (kept - (1 - p)) * (_ALPHA * scale)
    return replace_value(name, input, dropped) if inplace else dropped


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set elements to -1.7581 with probability p and restore mean 0 and variance 1; the identity in evaluation.

    a * (m x - 1.7581 (1 - m)) + 1.7581 a p with m = 1 for kept elements, 0 for others, and
    a = ((1 - p) (1 + 1.7581^2 p))^(-1/2). Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Args:
        input: any shape, floating-point.
        p: between 0 and 1.
        training: False, the default, returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.alpha_dropout(fastnet.ones(2), 0.9)
        tensor([1., 1.])
    """
    return _alpha_dropout("alpha_dropout", input, p, training, inplace, lambda name, x: x.shape)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels: all elements of a channel are kept or none.

    Args:
        input: (N, C, ...).
        p: between 0 and 1.
        training: False, the default, returns the input unchanged.
        inplace: write the result into the input.

    Raises:
        ValueError: p is outside [0, 1].
        RuntimeError: fewer than 2 dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.feature_alpha_dropout(fastnet.ones(1, 2), 0.9)
        tensor([[1., 1.]])
    """
    return _alpha_dropout("feature_alpha_dropout", input, p, training, inplace, _channel_shape)
