"""Constraints: the sets in which parameters and values of distributions lie.

A constraint has `check(value)`, a bool tensor without the dimensions of one event, `event_dim`, their number, and
`is_discrete`. A user's constraint is a subclass of `Constraint` that defines `check`.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.reprs import repr_of
from fastnet._core.state import forbid_reading
from fastnet._core.tensor import Tensor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, TensorOrNumber

__all__ = [
    "Constraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property", "greater_than",
    "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval", "is_dependent",
    "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real", "real_vector", "simplex",
    "square", "stack", "symmetric", "unit_interval",
]


class Constraint:
    """Base class of the constraints.

    Attributes:
        is_discrete: whether the set is discrete.
        event_dim: the number of last dimensions that form one event.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.positive.check(fastnet.tensor([-1.0, 2.0]))
        tensor([False,  True])
    """

    is_discrete: bool = False
    event_dim: int = 0

    def check(self, value: Tensor) -> Tensor:
        """Whether each event lies in the set, a bool tensor.

        Args:
            value: any shape.

        Raises:
            RuntimeError: inside a compiled function, since the check reads values.
        """
        forbid_reading("a check of a constraint")
        return Tensor._wrap(np.asarray(self._test(value._data)))

    def _test(self, x: Array) -> Array:
        """`check` of an array."""
        raise NotImplementedError(f"{type(self).__name__}: expected the method check()")

    def __repr__(self) -> str:
        return repr_of(self)


class _Named(Constraint):
    """A constraint by a function on arrays."""

    def __init__(self, name: str, test: Callable[[Array], Array], is_discrete: bool = False,
                 event_dim: int = 0) -> None:
        self._name, self._function, self.is_discrete, self.event_dim = name, test, is_discrete, event_dim

    def _test(self, x: Array) -> Array:
        return self._function(x)

    def __repr__(self) -> str:
        return self._name


class _Dependent(Constraint):
    """A set that depends on other values, or on parameters; such values are not checked."""

    def __init__(self, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("a constraint that depends on parameters cannot be checked; read it from a distribution")


class dependent_property(property, _Dependent):
    """A property whose value is a constraint that depends on the parameters of the distribution.

    Args:
        fn: the property's function; without it, the result is a decorator.
        is_discrete, event_dim: those of the constraint.

    Example:
        >>> from fastnet.distributions import constraints
        >>> class Below:
        ...     limit = 3.0
        ...     @constraints.dependent_property(is_discrete=False, event_dim=0)
        ...     def support(self):
        ...         return constraints.less_than(self.limit)
        >>> Below().support
        less_than(upper_bound=3.0)
    """

    def __init__(self, fn: Callable[[Any], Constraint] | None = None, *, is_discrete: bool = False,
                 event_dim: int = 0) -> None:
        super().__init__(fn)
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, fn: Callable[[Any], Constraint]) -> dependent_property:
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


def is_dependent(constraint: object) -> bool:
    """Whether a constraint depends on parameters, so that it cannot be checked.

    Example:
        >>> from fastnet.distributions import constraints
        >>> constraints.is_dependent(constraints.dependent), constraints.is_dependent(constraints.real)
        (True, False)
    """
    return isinstance(constraint, _Dependent)


# ---- sets with bounds -----------------------------------------------------------------------------------------------

def _bound_array(bound: TensorOrNumber) -> Any:
    return bound._data if isinstance(bound, Tensor) else bound


class _Bounded(Constraint):
    """Numbers between bounds, which broadcast."""

    _bounds: tuple[str, ...] = ("lower_bound", "upper_bound")

    def __init__(self, *bounds: TensorOrNumber, **named: TensorOrNumber) -> None:
        given = dict(zip(self._bounds, bounds)) | named
        if set(given) != set(self._bounds):
            raise TypeError(f"{type(self).__name__}: expected {' and '.join(self._bounds)}, got {sorted(given)}")
        self.__dict__.update(given)

    def _test(self, x: Array) -> Array:
        return self._holds(x, *(_bound_array(getattr(self, name)) for name in self._bounds))

    def _holds(self, x: Array, *bounds: Any) -> Array:
        raise NotImplementedError

    def __repr__(self) -> str:
        return repr_of(self, **{name: getattr(self, name) for name in self._bounds})


class interval(_Bounded):
    """Numbers x with lower_bound <= x <= upper_bound.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.interval(0.0, 1.0).check(fastnet.tensor([0.5, 2.0]))
        tensor([ True, False])
    """

    def _holds(self, x: Array, low: Any, high: Any) -> Array:
        return (x >= low) & (x <= high)


class half_open_interval(_Bounded):
    """Numbers x with lower_bound <= x < upper_bound.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.half_open_interval(0.0, 1.0).check(fastnet.tensor([0.5, 1.0]))
        tensor([ True, False])
    """

    def _holds(self, x: Array, low: Any, high: Any) -> Array:
        return (x >= low) & (x < high)


class integer_interval(_Bounded):
    """Integers n with lower_bound <= n <= upper_bound.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.integer_interval(0, 3).check(fastnet.tensor([2.0, 2.5]))
        tensor([ True, False])
    """

    is_discrete = True

    def _holds(self, x: Array, low: Any, high: Any) -> Array:
        return (x % 1 == 0) & (x >= low) & (x <= high)


class greater_than(_Bounded):
    """Numbers above lower_bound.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.greater_than(1.0).check(fastnet.tensor([1.0, 2.0]))
        tensor([False,  True])
    """

    _bounds = ("lower_bound",)

    def _holds(self, x: Array, low: Any) -> Array:
        return x > low


class greater_than_eq(_Bounded):
    """Numbers of lower_bound or above.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.greater_than_eq(1.0).check(fastnet.tensor([1.0, 0.0]))
        tensor([ True, False])
    """

    _bounds = ("lower_bound",)

    def _holds(self, x: Array, low: Any) -> Array:
        return x >= low


class less_than(_Bounded):
    """Numbers below upper_bound.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.constraints.less_than(1.0).check(fastnet.tensor([1.0, 0.0]))
        tensor([False,  True])
    """

    _bounds = ("upper_bound",)

    def _holds(self, x: Array, high: Any) -> Array:
        return x < high


class _Counts(Constraint):
    """Vectors of counts whose sum is at most `upper_bound`."""

    is_discrete, event_dim = True, 1

    def __init__(self, upper_bound: TensorOrNumber) -> None:
        self.upper_bound = upper_bound

    def _test(self, x: Array) -> Array:
        return (x >= 0).all(-1) & (x.sum(-1) <= _bound_array(self.upper_bound))


# ---- sets made of others --------------------------------------------------------------------------------------------

class independent(Constraint):
    """A constraint whose last `reinterpreted_batch_ndims` batch dimensions count as dimensions of the event.

    Args:
        base_constraint: the constraint of each element.
        reinterpreted_batch_ndims: the number of dimensions.

    Example:
        >>> import fastnet
        >>> constraints = fastnet.distributions.constraints
        >>> constraints.independent(constraints.positive, 1).check(fastnet.tensor([[1.0, 2.0], [1.0, -1.0]]))
        tensor([ True, False])
    """

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        if value.ndim < self.event_dim:
            raise ValueError(f"expected at least {self.event_dim} dimensions, got shape {tuple(value.shape)}")
        holds = self.base_constraint.check(value)._data
        n = self.reinterpreted_batch_ndims
        return Tensor._wrap(np.asarray(holds.reshape(*holds.shape[:holds.ndim - n], -1).all(-1)))

    def __repr__(self) -> str:
        return f"independent({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class _Joined(Constraint):
    """Tensors each of whose parts along a dimension satisfies a separate constraint."""

    def __init__(self, cseq: list[Constraint], dim: int = 0, lengths: list[int] | None = None) -> None:
        self.cseq, self.dim, self.lengths = list(cseq), dim, lengths
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        self.event_dim = max(c.event_dim for c in self.cseq)


class cat(_Joined):
    """Tensors that are joined along `dim` by parts of `lengths`, each in its own constraint.

    Example:
        >>> import fastnet
        >>> constraints = fastnet.distributions.constraints
        >>> constraints.cat([constraints.real, constraints.positive], 0, [1, 1]).check(fastnet.tensor([-1.0, -1.0]))
        tensor([ True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        lengths = self.lengths or [1] * len(self.cseq)
        parts = value.split(lengths, self.dim)
        return Tensor._wrap(np.concatenate([c.check(v)._data for c, v in zip(self.cseq, parts)], self.dim))


class stack(_Joined):
    """Tensors that are stacked along `dim`, each in its own constraint.

    Example:
        >>> import fastnet
        >>> constraints = fastnet.distributions.constraints
        >>> constraints.stack([constraints.real, constraints.positive], 0).check(fastnet.tensor([-1.0, -1.0]))
        tensor([ True, False])
    """

    def check(self, value: Tensor) -> Tensor:
        parts = value.unbind(self.dim)
        return Tensor._wrap(np.stack([c.check(v)._data for c, v in zip(self.cseq, parts)], self.dim))


# ---- matrices -------------------------------------------------------------------------------------------------------

def _is_lower(x: Array) -> Array:
    return (np.triu(x, 1) == 0).all((-1, -2))


def _is_square(x: Array) -> Array:
    return np.full(x.shape[:-2], x.shape[-1] == x.shape[-2])


def _is_symmetric(x: Array) -> Any:
    if x.shape[-1] != x.shape[-2]:
        return _is_square(x)
    return np.isclose(x, np.swapaxes(x, -1, -2), atol=1e-6).all((-1, -2))


def _smallest_eigenvalue(x: Array) -> Any:
    return np.linalg.eigvalsh(np.where(np.isfinite(x), x, 0))[..., 0]


def _has_positive_diagonal(x: Array) -> Any:
    return (np.diagonal(x, 0, -2, -1) > 0).all(-1)


def _has_unit_rows(x: Array) -> Any:
    return (np.abs(np.linalg.norm(x, axis=-1) - 1) < 1e-4).all(-1)


dependent: Constraint = _Dependent()
real: Constraint = _Named("real", lambda x: x == x)
real_vector: Constraint = _Named("real_vector", lambda x: (x == x).all(-1), event_dim=1)
positive: Constraint = greater_than(0.0)
nonnegative: Constraint = greater_than_eq(0.0)
unit_interval: Constraint = interval(0.0, 1.0)
boolean: Constraint = _Named("boolean", lambda x: (x == 0) | (x == 1), is_discrete=True)
nonnegative_integer: Constraint = _Named("nonnegative_integer", lambda x: (x % 1 == 0) & (x >= 0), is_discrete=True)
positive_integer: Constraint = _Named("positive_integer", lambda x: (x % 1 == 0) & (x >= 1), is_discrete=True)
one_hot: Constraint = _Named("one_hot", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), True, 1)
simplex: Constraint = _Named("simplex", lambda x: (x >= 0).all(-1) & (np.abs(x.sum(-1) - 1) < 1e-6), event_dim=1)
square: Constraint = _Named("square", _is_square, event_dim=2)
symmetric: Constraint = _Named("symmetric", _is_symmetric, event_dim=2)
positive_semidefinite: Constraint = _Named(
    "positive_semidefinite", lambda x: _is_symmetric(x) & (_smallest_eigenvalue(x) >= 0), event_dim=2)
positive_definite: Constraint = _Named(
    "positive_definite", lambda x: _is_symmetric(x) & (_smallest_eigenvalue(x) > 0), event_dim=2)
lower_triangular: Constraint = _Named("lower_triangular", _is_lower, event_dim=2)
lower_cholesky: Constraint = _Named(
    "lower_cholesky", lambda x: _is_lower(x) & _has_positive_diagonal(x), event_dim=2)
corr_cholesky: Constraint = _Named(
    "corr_cholesky", lambda x: _is_lower(x) & _has_positive_diagonal(x) & _has_unit_rows(x), event_dim=2)
multinomial = _Counts
