"""The binomial distribution."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.bernoulli import WithSuccess
from fastnet.functional.activation import softplus
from fastnet.functional.creation import arange
from fastnet.functional.random_filling import binomial
from fastnet.special import lgamma

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Binomial"]


class Binomial(WithSuccess):
    """The number of successes in `total_count` trials, each with probability p.

    Args:
        total_count: the number of trials.
        probs: the probability of success p.
        logits: its logit.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Binomial(3, fastnet.tensor(1.0)).sample()
        tensor(3.)
    """

    has_enumerate_support = True
    arg_constraints = {"total_count": constraints.nonnegative_integer,     # noqa: RUF012
                       "probs": constraints.unit_interval, "logits": constraints.real}

    def __init__(self, total_count: TensorOrNumber = 1, probs: TensorOrNumber | None = None,
                 logits: TensorOrNumber | None = None,
                 validate_args: bool | None = None) -> None:
        parameter, count = self._set_success(probs, logits, total_count)
        self.total_count = count.to(parameter.dtype)
        super().__init__(parameter.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        """The integers from 0 to total_count."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        """n * p"""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """floor((n + 1) * p), at most n"""
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        """n * p * (1 - p)"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random counts in the dtype of the parameter."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        n, value = self.total_count, self._checked(value)
        choices = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return choices + value * self.logits - n * softplus(self.logits, 1.0, math.inf)

    def entropy(self) -> Tensor:
        """The entropy, for equal numbers of trials."""
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The counts from 0 to total_count along a new first dimension; all numbers of trials must be equal."""
        most = int(self.total_count.max())
        if int(self.total_count.min()) != most:
            raise NotImplementedError("Binomial: the values of different numbers of trials cannot be listed")
        values = arange(1 + most, dtype=self.probs.dtype).reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
