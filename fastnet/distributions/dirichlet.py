"""The Dirichlet distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.functional.random_filling import standard_gamma
from fastnet.special import digamma, lgamma, xlogy

if TYPE_CHECKING:
    pass

__all__ = ["Dirichlet"]


class Dirichlet(Distribution):
    """The Dirichlet distribution over vectors of probabilities, with density prod(x^(a-1)) / B(a).

    Args:
        concentration: (..., n), the parameters a, positive.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: a 0-d tensor, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Dirichlet(fastnet.tensor([1.0, 3.0])).mean
        tensor([0.25, 0.75])
    """

    has_rsample = True
    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}       # noqa: RUF012
    support = constraints.simplex

    def __init__(self, concentration: Tensor,
                 validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("Dirichlet: expected a concentration with at least 1 dimension, got a 0-d tensor")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    def _total(self) -> Tensor:
        return self.concentration.sum(-1, keepdim=True)

    @property
    def mean(self) -> Tensor:
        """a / sum(a)"""
        return self.concentration / self._total()

    @property
    def mode(self) -> Tensor:
        """(a - 1) / sum(a - 1), where all a are 1 or more; else the class of the largest a, one-hot."""
        less = (self.concentration - 1).clamp(min=0.0)
        mode = less / less.sum(-1, True)
        largest = self.concentration.argmax(-1, keepdim=True)
        one_hot = (mode * 0).nan_to_num().scatter(-1, largest, 1.0)
        return one_hot.where((self.concentration < 1).all(-1, keepdim=True), mode)

    @property
    def variance(self) -> Tensor:
        """a * (sum(a) - a) / (sum(a)^2 * (sum(a) + 1))"""
        a, total = self.concentration, self._total()
        return a * (total - a) / (total ** 2 * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, with the gradient of the concentration."""
        draws = standard_gamma(self.concentration.expand(self._extended_shape(sample_shape)).double())
        return (draws / draws.sum(-1, keepdim=True)).to(self.concentration.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        a = self.concentration
        return xlogy(a - 1, self._checked(value)).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        """The entropy."""
        a, n = self.concentration, self.event_shape[0]
        total = a.sum(-1)
        return (lgamma(a).sum(-1) - lgamma(total) - (n - total) * digamma(total)
                - ((a - 1.0) * digamma(a)).sum(-1))
