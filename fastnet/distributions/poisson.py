"""The Poisson distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.random_filling import poisson
from fastnet.special import lgamma, xlogy

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Poisson"]


class Poisson(Distribution):
    """The Poisson distribution of counts, with probability rate^k * exp(-rate) / k!.

    Args:
        rate: the mean, 0 or more.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Poisson(0.0).sample()
        tensor(0.)
    """

    arg_constraints = {"rate": constraints.nonnegative}     # noqa: RUF012
    support = constraints.nonnegative_integer

    def __init__(self, rate: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """rate"""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """floor(rate)"""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """rate"""
        return self.rate

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random counts in the dtype of the rate."""
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        value = self._checked(value).to(self.rate.dtype)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)
