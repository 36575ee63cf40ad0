"""The uniform distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.compare import clamp
from fastnet.functional.pointwise import log
from fastnet.functional.random import rand

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Uniform"]


class Uniform(Distribution):
    """The uniform distribution on [low, high), with density 1 / (high - low).

    Args:
        low, high: the bounds.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or low is not below high.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.Uniform(0.0, fastnet.tensor([1.0, 4.0]))
        >>> d.mean, d.log_prob(fastnet.tensor([0.5, 0.5]))
        (tensor([0.5, 2. ]), tensor([ 0.    , -1.3863]))
    """

    has_rsample = True

    def __init__(self, low: TensorOrNumber, high: TensorOrNumber, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and state.recorder is None and not (self.low < self.high)._data.all():
            raise ValueError("Uniform: expected low < high in all elements")

    @property
    def arg_constraints(self) -> Any:
        """low is below high."""
        return {"low": constraints.dependent, "high": constraints.dependent}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """The interval from low to high."""
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        """(low + high) / 2"""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: all values are equally probable."""
        return self.high * float("nan")

    @property
    def stddev(self) -> Tensor:
        """(high - low) / sqrt(12)"""
        return (self.high - self.low) / 12 ** 0.5

    @property
    def variance(self) -> Tensor:
        """(high - low)^2 / 12"""
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """low + (high - low) * u, with the gradients of both."""
        u = rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, -inf outside of [low, high)."""
        value = self._checked(value)
        inside = (self.low <= value) & (self.high > value)
        return log(inside.to(self.low.dtype)) - log(self.high - self.low)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        return clamp((self._checked(value) - self.low) / (self.high - self.low), 0.0, 1.0)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function, low + p * (high - low)."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """log(high - low)"""
        return log(self.high - self.low)
