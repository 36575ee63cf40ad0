"""The categorical distribution: one of n classes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions import constraints
from fastnet.distributions.distribution import Distribution
from fastnet.distributions.utils import joint_shape, lazy_property, logits_to_probs, probs_to_logits, without_infinity
from fastnet.functional.activation import log_softmax
from fastnet.functional.creation import arange, full
from fastnet.functional.indexing import gather
from fastnet.functional.sampling import multinomial

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Categorical", "WithClasses"]


class WithClasses(Distribution):
    """Base class of the distributions over n classes, given by probabilities or logits in the last dimension.

    Attributes:
        probs: probabilities that add up to 1.
        logits: their logarithms.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}     # noqa: RUF012

    def _set_classes(self, probs: Tensor | None, logits: Tensor | None) -> Tensor:
        """Keep the given parameter, normalized; returns it."""
        name = type(self).__name__
        if (probs is None) == (logits is None):
            raise ValueError(f"{name}: expected either probs or logits, got "
                             f"{'both' if probs is not None else 'neither'}")
        given: Any = logits if probs is None else probs
        if given.ndim < 1:
            raise ValueError(f"{name}: expected a parameter with at least 1 dimension, got a 0-d tensor")
        if probs is not None:
            self.__dict__["probs"] = given = probs / probs.sum(-1, keepdim=True)
        else:
            self.__dict__["logits"] = given = log_softmax(given, -1)
        return given

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities of the classes."""
        return logits_to_probs(self.logits)

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @property
    def param_shape(self) -> Any:
        """The shape of the parameter."""
        return next(self.__dict__[name] for name in ("probs", "logits") if name in self.__dict__).shape

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return full(*args, dtype=self.logits.dtype, **kwargs)

    def _numbers(self, sample_shape: Sequence[int]) -> Tensor:
        """Random class numbers."""
        shape, classes = (*sample_shape, *self._batch_shape), self.param_shape[-1]
        rows = self.probs.detach().reshape(-1, classes)
        count = 1
        for n in sample_shape:
            count *= n
        if count == 0 or len(rows) == 0:
            return full(shape, 0, dtype=dtypes.int64)
        return multinomial(rows, count, True).t().reshape(shape)

    def entropy(self) -> Tensor:
        """The entropy, -sum(p * log p)."""
        return -(without_infinity(self.logits) * self.probs).sum(-1)


class Categorical(WithClasses):
    """One of the classes 0 to n-1, with given probabilities or logits.

    log_prob(k) = log p[k], where p = softmax(logits).

    Args:
        probs: (..., n), weights of 0 or more; divided by their sum.
        logits: (..., n), the logarithms of weights.
        validate_args: whether to check parameters and values.

    Raises:
        ValueError: both or neither of probs and logits, a 0-d tensor, or a parameter outside its set.

    Example:
        >>> import fastnet
        >>> policy = fastnet.distributions.Categorical(logits=fastnet.tensor([0.0, float("-inf")]))
        >>> action = policy.sample()
        >>> action, policy.log_prob(action)
        (tensor(0), tensor(0.))
    """

    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None,
                 validate_args: bool | None = None) -> None:
        shape = self._set_classes(probs, logits).shape
        self._num_events = shape[-1]
        super().__init__(shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> constraints.Constraint:
        """The integers from 0 to n-1."""
        return constraints.integer_interval(0, self._num_events - 1)

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape."""
        made = super().expand(batch_shape, _instance)
        made._num_events = self._num_events
        return made

    @property
    def mean(self) -> Tensor:
        """NaN: classes have no mean."""
        return self._new(self._batch_shape, float("nan"))

    @property
    def mode(self) -> Tensor:
        """The most probable class."""
        return self.probs.argmax(-1)

    @property
    def variance(self) -> Tensor:
        """NaN: classes have no variance."""
        return self._new(self._batch_shape, float("nan"))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random class numbers, int64."""
        with no_grad():
            return self._numbers(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-probability of class numbers."""
        value, logits = self._checked(value).long(), self.logits
        if value.shape != self._batch_shape:
            shape = joint_shape(value.shape, self._batch_shape)
            value, logits = value.expand(shape), logits.expand((*shape, logits.shape[-1]))
        return gather(logits, -1, value.unsqueeze(-1)).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All class numbers along a new first dimension."""
        values = arange(self._num_events).reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
