"""The Gumbel distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence

from fastnet._core.tensor import Tensor
from fastnet.distributions.location_scale import LocationScale
from fastnet.functional.pointwise import exp, log
from fastnet.functional.random import rand

__all__ = ["Gumbel"]

_EULER = 0.57721566490153286


class Gumbel(LocationScale):
    """The Gumbel distribution of maxima, with density exp(-(z + exp(-z))) / scale for z = (x - loc) / scale.

    Args:
        loc: the mode.
        scale: the scale, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Gumbel(0.0, 1.0).log_prob(fastnet.tensor(0.0))
        tensor(-1.)
    """

    @property
    def mean(self) -> Tensor:
        """loc + scale * 0.5772"""
        return self.loc + self.scale * _EULER

    @property
    def stddev(self) -> Tensor:
        """pi / sqrt(6) * scale"""
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        """pi^2 / 6 * scale^2"""
        return self.stddev ** 2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradients of loc and scale."""
        u = 1 - rand(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc - self.scale * log(-log(u.clamp(1e-38, 1 - 6e-8)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        y = (self.loc - self._checked(value)) / self.scale
        return y - exp(y) - log(self.scale)

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function, exp(-exp(-z))."""
        return exp(-exp((self.loc - self._checked(value)) / self.scale))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function."""
        return self.loc - self.scale * log(-log(value))

    def entropy(self) -> Tensor:
        """log(scale) + 1.5772"""
        return log(self.scale) + (1 + _EULER)
