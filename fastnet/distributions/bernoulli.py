"""The Bernoulli distribution: 0 or 1."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits
from fastnet.functional.classification import binary_cross_entropy_with_logits
from fastnet.functional.compare import where
from fastnet.functional.creation import arange
from fastnet.functional.random import bernoulli

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Bernoulli", "WithSuccess"]


class WithSuccess(Distribution):
    """Base class of the distributions of independent trials, given by the probability of success or its logit."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}      # noqa: RUF012

    def _set_success(self, probs: TensorOrNumber | None, logits: TensorOrNumber | None, *others: Any) -> list[Tensor]:
        """Keep the given parameter in one shape with `others`; returns all of them."""
        if (probs is None) == (logits is None):
            raise ValueError(f"{type(self).__name__}: expected either probs or logits, got "
                             f"{'both' if probs is not None else 'neither'}")
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        tensors = list(broadcast_all(given, *others))           # type: ignore[arg-type]
        self.__dict__[name] = tensors[0]
        return tensors

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @lazy_property
    def logits(self) -> Tensor:
        """The logit of success, log p - log(1 - p)."""
        return probs_to_logits(self.probs, is_binary=True)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return self._batch_shape


class Bernoulli(WithSuccess):
    """1 with probability p, else 0. log_prob(x) = x log p + (1 - x) log(1 - p).

    Args:
        probs: the probabilities of 1.
        logits: their logits, log p - log(1 - p).
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.Bernoulli(fastnet.tensor([0.0, 1.0]))
        >>> d.sample()
        tensor([0., 1.])
    """

    has_enumerate_support = True
    support = constraints.boolean

    def __init__(self, probs: TensorOrNumber | None = None, logits: TensorOrNumber | None = None,
                 validate_args: bool | None = None) -> None:
        super().__init__(self._set_success(probs, logits)[0].shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """The probability p."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """1 where p is above 1/2, NaN where it is 1/2, else 0."""
        p = self.probs
        return where(p == 0.5, float("nan"), (p >= 0.5).to(p.dtype))

    @property
    def variance(self) -> Tensor:
        """p * (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random ones and zeros in the dtype of the parameter."""
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-probability of ones and zeros."""
        logits, value = broadcast_all(self.logits, self._checked(value))
        return -binary_cross_entropy_with_logits(logits, value.to(logits.dtype), reduction="none")

    def entropy(self) -> Tensor:
        """The entropy, -p log p - (1 - p) log(1 - p)."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1 along a new first dimension."""
        values = arange(2, dtype=self.logits.dtype).reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
