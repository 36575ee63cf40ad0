"""The half-normal distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.normal import Normal
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.compare import where
from fastnet.functional.pointwise import abs

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["HalfNormal"]


class HalfNormal(Distribution):
    """The distribution of |x| for a normal x of mean 0.

    Args:
        scale: the standard deviation of x, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.HalfNormal(1.0).log_prob(fastnet.tensor(0.0))
        tensor(-0.2258)
    """

    has_rsample = True
    arg_constraints = {"scale": constraints.positive}       # noqa: RUF012
    support = constraints.nonnegative

    def __init__(self, scale: TensorOrNumber,
                 validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, validate_args=validate_args)

    def _normal(self) -> Normal:
        return Normal(0.0, self.scale, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """scale * sqrt(2 / pi)"""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Tensor:
        """0"""
        return self.scale * 0

    @property
    def variance(self) -> Tensor:
        """scale^2 * (1 - 2 / pi)"""
        return self.scale ** 2 * (1 - 2 / math.pi)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradient of the scale."""
        return abs(self._normal().rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, -inf below 0."""
        log_prob = self._normal().log_prob(self._checked(value)) + math.log(2)
        return where(value >= 0, log_prob, -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        return 2 * self._normal().cdf(self._checked(value)) - 1

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function."""
        return self._normal().icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """The entropy of the normal distribution minus log(2)."""
        return self._normal().entropy() - math.log(2)
