"""The categorical distribution over one-hot vectors."""
from __future__ import annotations

from collections.abc import Sequence

from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.categorical import WithClasses
from fastnet.functional.creation import eye
from fastnet.functional.embedding import one_hot

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(WithClasses):
    """One of n classes as a one-hot vector. log_prob(x) = sum(x * log p), where p = softmax(logits).

    Args:
        probs: (..., n), weights of 0 or more; divided by their sum.
        logits: (..., n), the logarithms of weights.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, a 0-d tensor, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.OneHotCategorical(fastnet.tensor([0.0, 1.0]))
        >>> d.sample()
        tensor([0., 1.])
    """

    has_enumerate_support = True
    support = constraints.one_hot

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        shape = self._set_classes(probs, logits).shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def mean(self) -> Tensor:
        """The probabilities."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return one_hot(self.probs.argmax(-1), self.event_shape[0]).to(self.probs.dtype)

    @property
    def variance(self) -> Tensor:
        """p * (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random one-hot vectors in the dtype of the parameter."""
        with no_grad():
            return one_hot(self._numbers(sample_shape), self.event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-probability of one-hot vectors."""
        return (self._checked(value) * self.logits).masked_fill(value == 0, 0.0).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All one-hot vectors along a new first dimension."""
        n = self.event_shape[0]
        values = eye(n, dtype=self.probs.dtype).reshape(n, *(1,) * len(self._batch_shape), n)
        return values.expand((n, *self._batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose samples pass their gradient on to the probabilities.

    The straight-through estimator of Bengio et al. 2013, https://arxiv.org/abs/1308.3432: a sample plus p, minus p
    without its gradient.

    Args:
        probs: (..., n), weights of 0 or more; divided by their sum.
        logits: (..., n), the logarithms of weights.
        validate_args: whether to check parameters and values.

    Example:
        >>> import fastnet
        >>> p = fastnet.tensor([0.25, 0.75], requires_grad=True)
        >>> fastnet.distributions.OneHotCategoricalStraightThrough(p).rsample().requires_grad
        True
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random one-hot vectors with the gradient of the probabilities."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
