"""The exponential distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.pointwise import exp, log, log1p
from fastnet.functional.random import rand

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Exponential"]


class Exponential(Distribution):
    """The exponential distribution, with density rate * exp(-rate * x) for x >= 0.

    Args:
        rate: the rate, 1 / mean; positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Exponential(2.0).log_prob(fastnet.tensor(0.0))
        tensor(0.6931)
    """

    has_rsample = True
    arg_constraints = {"rate": constraints.positive}        # noqa: RUF012
    support = constraints.nonnegative

    def __init__(self, rate: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / rate"""
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        """0"""
        return self.rate * 0

    @property
    def stddev(self) -> Tensor:
        """1 / rate"""
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        """1 / rate^2"""
        return self.rate ** -2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """-log(u) / rate, with the gradient of the rate."""
        u = rand(self._extended_shape(sample_shape), dtype=self.rate.dtype)
        return -log1p(-u) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        return log(self.rate) - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function, 1 - exp(-rate * x)."""
        return 1 - exp(-self.rate * self._checked(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function, -log(1 - p) / rate."""
        return -log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        """1 - log(rate)"""
        return 1.0 - log(self.rate)
