"""The log-normal distribution."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.normal import Normal
from fastnet.distributions.transformed_distribution import TransformedDistribution
from fastnet.distributions.transforms import ExpTransform
from fastnet.functional.pointwise import exp, expm1

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """The distribution of exp(x) for a normal x.

    Args:
        loc, scale: the mean and the standard deviation of x.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: shapes that do not broadcast, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.LogNormal(0.0, 1.0).mean
        tensor(1.6487)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}      # noqa: RUF012
    base_dist: Any                      # a Normal

    def __init__(self, loc: TensorOrNumber, scale: TensorOrNumber, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args=validate_args), ExpTransform(), validate_args)

    @property
    def support(self) -> Any:
        """The positive numbers."""
        return constraints.positive

    @property
    def loc(self) -> Tensor:
        """The mean of the logarithm."""
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the logarithm."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        """exp(loc + scale^2 / 2)"""
        return exp(self.loc + self.scale ** 2 / 2)

    @property
    def mode(self) -> Tensor:
        """exp(loc - scale^2)"""
        return exp(self.loc - self.scale ** 2)

    @property
    def variance(self) -> Tensor:
        """(exp(scale^2) - 1) * exp(2 loc + scale^2)"""
        return expm1(self.scale ** 2) * exp(2 * self.loc + self.scale ** 2)

    def entropy(self) -> Tensor:
        """The entropy of the logarithm plus loc."""
        return self.base_dist.entropy() + self.loc
