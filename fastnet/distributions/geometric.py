"""The geometric distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.bernoulli import WithSuccess
from fastnet.distributions.utils import broadcast_all
from fastnet.functional.classification import binary_cross_entropy_with_logits
from fastnet.functional.pointwise import log, log1p
from fastnet.functional.random import rand
from fastnet.special import xlog1py

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["Geometric"]


class Geometric(WithSuccess):
    """The number of failures before the first success, with probability (1 - p)^k * p.

    Args:
        probs: the probability of success p, in (0, 1].
        logits: its logit.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Geometric(1.0).sample()
        tensor(0.)
    """

    support = constraints.nonnegative_integer

    def __init__(self, probs: TensorOrNumber | None = None, logits: TensorOrNumber | None = None,
                 validate_args: bool | None = None) -> None:
        super().__init__(self._set_success(probs, logits)[0].shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / p - 1"""
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        """0"""
        return self.probs * 0

    @property
    def variance(self) -> Tensor:
        """(1 / p - 1) / p"""
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random counts in the dtype of the parameter."""
        with no_grad():
            u = 1 - rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            return (log(u) / log1p(-self.probs)).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        value, probs = broadcast_all(self._checked(value), self.probs)
        return xlog1py(value, -probs) + log(self.probs)

    def entropy(self) -> Tensor:
        """The entropy."""
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
