"""The multinomial distribution."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.categorical import WithClasses
from fastnet.functional.creation import arange
from fastnet.functional.embedding import one_hot
from fastnet.special import lgamma, xlog1py, xlogy

__all__ = ["Multinomial"]


class Multinomial(WithClasses):
    """The counts of n classes in `total_count` draws.

    Args:
        total_count: the number of draws.
        probs: (..., n), weights of 0 or more; divided by their sum.
        logits: (..., n), the logarithms of weights.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, a 0-d tensor, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.Multinomial(3, fastnet.tensor([0.0, 1.0])).sample()
        tensor([0., 3.])
    """


    def __init__(self, total_count: int = 1, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("Multinomial: expected total_count to be one integer")
        self.total_count = total_count
        shape = self._set_classes(probs, logits).shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Vectors of counts whose sum is total_count."""
        return constraints.multinomial(self.total_count)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The distribution with its parameters expanded to another batch shape."""
        made = super().expand(batch_shape, _instance)
        made.total_count = self.total_count
        return made

    @property
    def mean(self) -> Tensor:
        """total_count * p"""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """total_count * p * (1 - p)"""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random counts in the dtype of the parameter."""
        with no_grad():
            drawn = self._numbers((self.total_count, *sample_shape))
            return one_hot(drawn, self.event_shape[0]).sum(0).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        value = self._checked(value)
        products = (value * self.logits).masked_fill(value == 0, 0.0)
        return lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1) + products.sum(-1)

    def entropy(self) -> Tensor:
        """The entropy."""
        n, p = self.total_count, self.probs.unsqueeze(0)
        counts = arange(1, n + 1, dtype=p.dtype).reshape(-1, *(1,) * (p.ndim - 1))
        choices = lgamma(p.new_full((), n + 1.0)) - lgamma(counts + 1) - lgamma(n - counts + 1)
        weights = (choices + xlogy(counts, p) + xlog1py(n - counts, -p)).exp()
        return n * super().entropy() - lgamma(p.new_full((), n + 1.0)) + (weights * lgamma(counts + 1)).sum((0, -1))
