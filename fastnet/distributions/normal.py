"""The normal distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.pointwise import erf, log
from fastnet.functional.random import randn
from fastnet.special import erfinv

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Normal"]


class Normal(Distribution):
    """The normal (Gaussian) distribution, exp(-((x - loc) / scale)^2 / 2) / (scale * sqrt(2 pi)).

    Args:
        loc: the mean.
        scale: the standard deviation, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.Normal(0.0, 1.0)
        >>> d.log_prob(fastnet.tensor(0.0))
        tensor(-0.9189)
    """

    has_rsample = True
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}      # noqa: RUF012
    support = constraints.real

    def __init__(self, loc: TensorOrNumber, scale: TensorOrNumber, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """scale"""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """scale^2"""
        return self.scale ** 2

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, without a gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """loc + scale * noise, with the gradients of loc and scale."""
        return self.loc + self.scale * randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        z = (self._checked(value) - self.loc) / self.scale
        return -0.5 * z ** 2 - (log(self.scale) + math.log(math.sqrt(2 * math.pi)))

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function, Phi((x - loc) / scale)."""
        return 0.5 * (1 + erf((self._checked(value) - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function, loc + scale * sqrt(2) * erfinv(2 p - 1)."""
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        """The entropy, log(scale) + log(2 pi e) / 2."""
        return log(self.scale) + (0.5 + 0.5 * math.log(2 * math.pi))
