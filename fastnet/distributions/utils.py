"""Helpers of the distributions: parameters in one shape, and conversions between probabilities and logits."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.autograd import enable_grad
from fastnet.functional.activation import sigmoid, softmax
from fastnet.functional.compare import clamp
from fastnet.functional.creation import full
from fastnet.functional.kernel_calls import broadcast_shapes
from fastnet.functional.pointwise import log, log1p

if TYPE_CHECKING:
    from fastnet._core.annotations import Shape, TensorOrNumber

__all__ = ["broadcast_all", "clamp_probs", "joint_shape", "lazy_property", "logits_to_probs", "probs_to_logits",
           "without_infinity"]


class lazy_property:
    """A property that is computed at the first access, with gradients also under `no_grad`, and kept.

    Args:
        function: the property's function.

    Example:
        >>> from fastnet.distributions.utils import lazy_property
        >>> class Circle:
        ...     radius = 2.0
        ...     @lazy_property
        ...     def area(self):
        ...         return 3.0 * self.radius ** 2
        >>> Circle().area
        12.0
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function, self.__doc__ = function, function.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        name = self._function.__name__
        with enable_grad():
            value = instance.__dict__[name] = self._function(instance)
        return value


def joint_shape(*shapes: Shape) -> Shape:
    """The shape that shapes broadcast to.

    Raises:
        ValueError: they do not broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.utils.joint_shape((2, 1), (3,))
        (2, 3)
    """
    shape: Shape = ()
    for other in shapes:
        shape = shape if shape == other else broadcast_shapes(shape, other)
    return shape


def broadcast_all(*values: TensorOrNumber) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape. Numbers get the dtype of the first tensor, or float32.

    Args:
        values: numbers, or tensors whose shapes broadcast.

    Raises:
        ValueError: a value that is neither, or shapes that do not broadcast.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.utils.broadcast_all(fastnet.zeros(2), 1.0)
        (tensor([0., 0.]), tensor([1., 1.]))
    """
    tensors = [v for v in values if isinstance(v, Tensor)]
    shape = joint_shape(*(v.shape for v in tensors))
    dtype = tensors[0].dtype if tensors else dtypes.float32
    return tuple(_expanded_parameter(v, shape) if isinstance(v, Tensor) else _filled_parameter(v, shape, dtype)
                 for v in values)


def _expanded_parameter(x: Tensor, shape: Shape) -> Tensor:
    return x if x.shape == shape else x.expand(shape)


def _filled_parameter(value: Any, shape: Shape, dtype: Any) -> Tensor:
    if not isinstance(value, int | float | np.generic):
        raise ValueError(f"expected numbers or tensors as parameters, got {type(value).__name__}")
    return full(shape, value, dtype=dtype)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities limited to [eps, 1 - eps], whose logarithms are finite.

    Example:
        >>> import fastnet
        >>> bool(fastnet.distributions.utils.clamp_probs(fastnet.zeros(1)) > 0)
        True
    """
    eps = float(np.finfo(probs.dtype).eps)
    return clamp(probs, eps, 1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits of probabilities: log p, and log p - log(1 - p) if `is_binary`.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.utils.probs_to_logits(fastnet.tensor([0.5]), is_binary=True)
        tensor([0.])
    """
    limited = clamp_probs(probs)
    return log(limited) - log1p(-limited) if is_binary else log(limited)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logits: softmax along the last dimension, and sigmoid if `is_binary`.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.utils.logits_to_probs(fastnet.zeros(2))
        tensor([0.5, 0.5])
    """
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def without_infinity(logits: Tensor) -> Tensor:
    """Logits with the smallest number of the dtype in place of -inf, so that 0 * logit is 0.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.utils.without_infinity(fastnet.tensor([float("-inf")])) * 0
        tensor([-0.])
    """
    return clamp(logits, min=float(np.finfo(logits.dtype).min))
