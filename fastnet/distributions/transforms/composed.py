"""Transforms made of other transforms, and of shapes."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.independent import sum_rightmost
from fastnet.distributions.transforms.transform import Transform

__all__ = ["ComposeTransform", "IndependentTransform", "ReshapeTransform", "identity_transform"]


class IndependentTransform(Transform):
    """A transform whose last dimensions count as dimensions of the event: log-derivatives add over them.

    Args:
        base_transform: a transform.
        reinterpreted_batch_ndims: the number of dimensions.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> x = fastnet.zeros(3)
        >>> d.IndependentTransform(d.ExpTransform(), 1).log_abs_det_jacobian(x, x.exp())
        tensor(0.)
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform, self.reinterpreted_batch_ndims = base_transform, reinterpreted_batch_ndims
        self.domain = constraints.independent(base_transform.domain, reinterpreted_batch_ndims)
        self.codomain = constraints.independent(base_transform.codomain, reinterpreted_batch_ndims)
        self.bijective, self.sign = base_transform.bijective, base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform.inverse(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)


class ReshapeTransform(Transform):
    """Give the last dimensions another shape.

    Args:
        in_shape, out_shape: the shapes of one event before and after.
        cache_size: see `Transform`.

    Raises:
        ValueError: different numbers of elements.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.ReshapeTransform((4,), (2, 2))(fastnet.zeros(3, 4)).shape
        (3, 2, 2)
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(in_shape) != math.prod(out_shape):
            raise ValueError(f"ReshapeTransform: shapes {self.in_shape} and {self.out_shape} have different numbers of "
                             "elements")
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[:x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:len(shape) - len(self.in_shape)], *self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:len(shape) - len(self.out_shape)], *self.in_shape)


class ComposeTransform(Transform):
    """Several transforms, one after the other.

    Args:
        parts: the transforms, the first one first.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> d.ComposeTransform([d.AffineTransform(1.0, 2.0), d.ExpTransform()])(fastnet.tensor(-0.5))
        tensor(1.)
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        self.bijective = all(part.bijective for part in self.parts)
        if self.parts:
            self.domain, self.codomain = self.parts[0].domain, self.parts[-1].codomain
        for part in self.parts:
            self.sign = self.sign * part.sign

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part.inverse(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return x * 0
        events = max(part.domain.event_dim for part in self.parts)
        total: Any = 0
        for part in self.parts:
            after = part(x)
            total = total + sum_rightmost(part.log_abs_det_jacobian(x, after), events - part.domain.event_dim)
            x = after
        return total

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return tuple(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return tuple(shape)


identity_transform: Transform = ComposeTransform([])
