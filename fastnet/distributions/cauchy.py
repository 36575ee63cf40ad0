"""The Cauchy distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence

from fastnet._core.tensor import Tensor
from fastnet.distributions.location_scale import LocationScale
from fastnet.functional.pointwise import atan, log, log1p, tan
from fastnet.functional.random import rand

__all__ = ["Cauchy"]


class Cauchy(LocationScale):
    """The Cauchy distribution, with density 1 / (pi * scale * (1 + ((x - loc) / scale)^2)).

    Args:
        loc: the median.
        scale: half the distance of the quartiles, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Cauchy(0.0, 1.0).log_prob(fastnet.tensor(0.0))
        tensor(-1.1447)
    """

    @property
    def mean(self) -> Tensor:
        """NaN: there is no mean."""
        return self.loc * math.nan

    @property
    def variance(self) -> Tensor:
        """inf"""
        return self.loc * 0 + math.inf

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradients of loc and scale."""
        u = rand(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + self.scale * tan(math.pi * (u - 0.5))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        z = (self._checked(value) - self.loc) / self.scale
        return -math.log(math.pi) - log(self.scale) - log1p(z ** 2)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        return atan((self._checked(value) - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function."""
        return tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        """log(4 * pi * scale)"""
        return math.log(4 * math.pi) + log(self.scale)
