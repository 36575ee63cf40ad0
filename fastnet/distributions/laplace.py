"""The Laplace distribution."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.tensor import Tensor
from fastnet.distributions.location_scale import LocationScale
from fastnet.functional.pointwise import abs, expm1, log, log1p, sign
from fastnet.functional.random import rand

__all__ = ["Laplace"]


class Laplace(LocationScale):
    """The Laplace distribution, with density exp(-|x - loc| / scale) / (2 scale).

    Args:
        loc: the mean.
        scale: the scale, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Laplace(0.0, 1.0).log_prob(fastnet.tensor(0.0))
        tensor(-0.6931)
    """

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """sqrt(2) * scale"""
        return 2 ** 0.5 * self.scale

    @property
    def variance(self) -> Tensor:
        """2 * scale^2"""
        return 2 * self.scale ** 2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradients of loc and scale."""
        u = 2 * rand(self._extended_shape(sample_shape), dtype=self.loc.dtype) - 1
        return self.loc - self.scale * (sign(u) * log1p(-abs(u).clamp(max=1 - 1e-7)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        return -log(2 * self.scale) - abs(self._checked(value) - self.loc) / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function."""
        gap = self._checked(value) - self.loc
        return 0.5 - 0.5 * sign(gap) * expm1(-abs(gap) / self.scale)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function."""
        term = value - 0.5
        return self.loc - self.scale * sign(term) * log1p(-2 * abs(term))

    def entropy(self) -> Tensor:
        """1 + log(2 * scale)"""
        return 1 + log(2 * self.scale)
