"""The base class of the distributions."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.distributions.constraints import is_dependent
from fastnet.distributions.utils import joint_shape
from fastnet.functional.pointwise import exp, sqrt

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastnet._core.annotations import Shape

__all__ = ["Distribution"]


class Distribution:
    """Base class of the distributions.

    A sample has the shape sample_shape + batch_shape + event_shape. Elements of the batch are independent, each with
    its own parameters; an event is one value of a multivariate distribution.

    Parameters and values are checked unless `validate_args` is False. Inside a compiled function or a trace, which
    cannot read values, nothing is checked.

    Args:
        batch_shape: the shape of the parameters.
        event_shape: the shape of one value.
        validate_args: whether to check parameters and values; None for the default, True.

    Raises:
        ValueError: a parameter outside its set.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions.Normal(fastnet.zeros(3), 1.0)
        >>> d.batch_shape, d.sample((2,)).shape
        ((3,), (2, 3))
    """

    has_rsample: Any = False             # a bool, or a property
    has_enumerate_support: Any = False
    arg_constraints: Any = {}           # noqa: RUF012     # {parameter: its constraint}, or a property
    support: Any = None                 # the constraint of the values, or a property
    _default_validate_args: bool = __debug__

    def __init__(self, batch_shape: Shape = (), event_shape: Shape = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = batch_shape, event_shape
        self._validate_args = self._default_validate_args if validate_args is None else validate_args
        if self._validate_args and _can_read():
            self._check_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Set whether distributions check parameters and values by default.

        Args:
            value: True or False.

        Raises:
            ValueError: not a bool.
        """
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._default_validate_args = bool(value)

    def _check_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if value is None or is_dependent(constraint):       # computed from another parameter, or not checkable
                continue
            holds = constraint.check(value) if isinstance(value, Tensor) else constraint.check(Tensor(float(value)))
            if not holds._data.all():
                raise ValueError(f"{type(self).__name__}: expected {name} to be in {constraint!r}, got "
                                 f"{_parameter_text(value)}")

    def _validate_sample(self, value: Any) -> None:
        """Check a value whose probability is asked for.

        Raises:
            ValueError: not a tensor, a shape that does not fit, or a value outside the support.
        """
        if not isinstance(value, Tensor):
            raise ValueError(f"{type(self).__name__}: expected the value to be a tensor, got {type(value).__name__}")
        n = len(self.event_shape)
        if tuple(value.shape[max(value.ndim - n, 0):]) != tuple(self.event_shape):
            raise ValueError(f"{type(self).__name__}: expected a value whose last dimensions are the event shape "
                             f"{shape_text(self.event_shape)}, got shape {shape_text(value)}")
        try:
            joint_shape(value.shape[:value.ndim - n], self.batch_shape)
        except ValueError:
            raise ValueError(f"{type(self).__name__}: a value of shape {shape_text(value)} does not broadcast with the "
                             f"batch shape {shape_text(self.batch_shape)}") from None
        support = self.support
        if support is None or is_dependent(support) or not _can_read():
            return
        if not support.check(value)._data.all():
            raise ValueError(f"{type(self).__name__}: expected values in the support {support!r}, got "
                             f"{_parameter_text(value)}")

    def _checked(self, value: Tensor) -> Tensor:
        """The value, checked if the distribution validates."""
        if self._validate_args:
            self._validate_sample(value)
        return value

    @property
    def batch_shape(self) -> Shape:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> Shape:
        """The shape of one value."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Shape:
        """sample_shape + batch_shape + event_shape."""
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def expand(self, batch_shape: Sequence[int], _instance: Self | None = None) -> Self:
        """The distribution with its parameters expanded to another batch shape.

        Args:
            batch_shape: a shape to which the batch shape expands.

        Raises:
            RuntimeError: the batch shape does not expand to it.
        """
        made = self._like(batch_shape, _instance)
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if isinstance(value, Tensor):
                own = value.shape[value.ndim - constraint.event_dim:] if constraint.event_dim else ()
                made.__dict__[name] = value.expand((*batch_shape, *own))
        return made

    def _like(self, batch_shape: Sequence[int], instance: Self | None = None) -> Self:
        """A distribution of the same kind for another batch shape, still without its parameters."""
        made: Self = type(self).__new__(type(self)) if instance is None else instance
        made._batch_shape, made._event_shape = tuple(batch_shape), self._event_shape
        made._validate_args = self._validate_args
        return made

    # ---- moments ----

    @property
    def mean(self) -> Tensor:
        """The mean of each element of the batch."""
        raise self._lacks("mean")

    @property
    def mode(self) -> Tensor:
        """The most probable value of each element of the batch."""
        raise self._lacks("mode")

    @property
    def variance(self) -> Tensor:
        """The variance of each element of the batch."""
        raise self._lacks("variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation of each element of the batch."""
        return sqrt(self.variance)

    # ---- samples and probabilities ----

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values, without a gradient.

        Args:
            sample_shape: the number of draws, as a shape.
        """
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Random values that gradients of the parameters flow through.

        Args:
            sample_shape: the number of draws, as a shape.

        Raises:
            NotImplementedError: a distribution without such samples; use `sample`.
        """
        raise self._lacks("rsample")

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`.

        Args:
            n: the number of draws.
        """
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability, or of its density, of values.

        Args:
            value: a tensor of the shape of a sample; it broadcasts with the batch shape.

        Raises:
            ValueError: a value outside the support, or of another event shape.
        """
        raise self._lacks("log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The cumulative distribution function.

        Args:
            value: a tensor that broadcasts with the batch shape.
        """
        raise self._lacks("cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile function, the inverse of `cdf`.

        Args:
            value: probabilities.
        """
        raise self._lacks("icdf")

    def entropy(self) -> Tensor:
        """The entropy of each element of the batch, in nats."""
        raise self._lacks("entropy")

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return exp(self.entropy())

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution along a new first dimension.

        Args:
            expand: repeat them for each element of the batch.

        Raises:
            NotImplementedError: the support is not finite.
        """
        raise self._lacks("enumerate_support")

    def _lacks(self, what: str) -> NotImplementedError:
        return NotImplementedError(f"{type(self).__name__} has no {what}")

    def __repr__(self) -> str:
        named = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        return f"{type(self).__name__}({', '.join(f'{name}: {_parameter_text(v)}' for name, v in named.items())})"


def _can_read() -> bool:
    """Whether values can be read: neither a recording nor a trace is in progress."""
    return state.recorder is None and state.tracer is None


def _parameter_text(value: Any) -> str:
    """A parameter as text: its value if it is one number, else its shape."""
    if not isinstance(value, Tensor):
        return str(value)
    if value.numel() != 1:
        bad = value._data[~np.isfinite(value._data)] if value.dtype.kind == "f" else ()
        return f"a tensor of shape {shape_text(value)}" + "".join(f" with {x}" for x in bad[:1])
    return str(value._data.item())
