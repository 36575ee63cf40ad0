"""Student's t-distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.chi2 import Chi2
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.compare import where
from fastnet.functional.pointwise import log, log1p, rsqrt
from fastnet.functional.random import randn
from fastnet.special import digamma, lgamma

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t-distribution with `df` degrees of freedom, moved by loc and scaled.

    Args:
        df: the degrees of freedom, positive.
        loc: the center.
        scale: the scale, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.StudentT(2.0).log_prob(fastnet.tensor(0.0))
        tensor(-1.0397)
    """

    has_rsample = True
    arg_constraints = {"df": constraints.positive, "loc": constraints.real,     # noqa: RUF012
                       "scale": constraints.positive}
    support = constraints.real

    def __init__(self, df: TensorOrNumber, loc: TensorOrNumber = 0.0, scale: TensorOrNumber = 1.0,
                 validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """loc; NaN for df of 1 or less"""
        return where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        """loc"""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale^2 * df / (df - 2); inf for df up to 2, NaN up to 1"""
        finite = self.scale ** 2 * self.df / (self.df - 2)
        return where(self.df <= 1, math.nan, where(self.df <= 2, math.inf, finite))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradients of all parameters."""
        normal = randn(self._extended_shape(sample_shape), dtype=self.df.dtype)
        spread = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * normal * rsqrt(spread / self.df)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        y = (self._checked(value) - self.loc) / self.scale
        norm = (log(self.scale) + 0.5 * log(self.df) + 0.5 * math.log(math.pi) + lgamma(0.5 * self.df)
                - lgamma(0.5 * (self.df + 1.0)))
        return -0.5 * (self.df + 1.0) * log1p(y ** 2.0 / self.df) - norm

    def entropy(self) -> Tensor:
        """The entropy."""
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        beta = lgamma(half) + math.log(math.sqrt(math.pi)) - lgamma(more)
        return log(self.scale) + more * (digamma(more) - digamma(half)) + 0.5 * log(self.df) + beta
