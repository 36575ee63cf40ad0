"""The Gamma distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.pointwise import log
from fastnet.functional.random_filling import standard_gamma
from fastnet.special import digamma, gammainc, lgamma, xlogy

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Gamma"]


class Gamma(Distribution):
    """The Gamma distribution, with density rate^a * x^(a-1) * exp(-rate * x) / Gamma(a) for a = concentration.

    Args:
        concentration: the shape a, positive.
        rate: 1 / scale, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Gamma(1.0, 2.0).mean
        tensor(0.5)
    """

    has_rsample = True
    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}     # noqa: RUF012
    support: Any = constraints.nonnegative

    def __init__(self, concentration: TensorOrNumber, rate: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """concentration / rate"""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / rate, at least 0"""
        return ((self.concentration - 1) / self.rate).clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        """concentration / rate^2"""
        return self.concentration / self.rate ** 2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradients of both parameters."""
        shape = self._extended_shape(sample_shape)
        return standard_gamma(self.concentration.expand(shape)) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        value, a = self._checked(value).to(self.rate.dtype), self.concentration
        return xlogy(a, self.rate) + xlogy(a - 1, value) - self.rate * value - lgamma(a)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function. It has no gradient of the concentration."""
        return gammainc(self.concentration, self.rate * self._checked(value))

    def entropy(self) -> Tensor:
        """The entropy, a - log(rate) + log Gamma(a) + (1 - a) digamma(a)."""
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1.0 - a) * digamma(a)
