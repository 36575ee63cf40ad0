"""Invertible transforms of random variables, with the logarithms of their derivatives."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.independent import sum_rightmost
from fastnet.functional.activation import sigmoid, softmax, softplus, tanh
from fastnet.functional.pointwise import abs, exp, log, log1p

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["AbsTransform", "AffineTransform", "ComposeTransform", "ExpTransform", "IndependentTransform",
           "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform", "SoftplusTransform",
           "TanhTransform", "Transform", "identity_transform"]


class Transform:
    """Base class of the transforms. A subclass defines `_call`, `_inverse` and `log_abs_det_jacobian`.

    Args:
        cache_size: 0, or 1 to keep the last pair (x, y), so that the inverse of a result is exact.

    Attributes:
        domain, codomain: constraints of x and y.
        bijective: whether the transform has an inverse.
        sign: 1 or -1, the sign of the derivative.

    Example:
        >>> import fastnet
        >>> t = fastnet.distributions.AffineTransform(1.0, 2.0)
        >>> t(fastnet.tensor(3.0)), t.inv(fastnet.tensor(7.0))
        (tensor(7.), tensor(3.))
    """

    bijective: bool = False
    domain: Any = constraints.real
    codomain: Any = constraints.real
    sign: Any = 1

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"expected a cache_size of 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._cached: tuple[Any, Any] = (None, None)

    @property
    def inv(self) -> Transform:
        """The inverse transform."""
        return _Inverse(self)

    def __call__(self, x: Tensor) -> Tensor:
        if self._cache_size and x is self._cached[0]:
            return self._cached[1]
        y = self._call(x)
        self._cached = (x, y) if self._cache_size else self._cached
        return y

    def inverse(self, y: Tensor) -> Tensor:
        """x for y."""
        if self._cache_size and y is self._cached[1]:
            return self._cached[0]
        x = self._inverse(y)
        self._cached = (x, y) if self._cache_size else self._cached
        return x

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The transform with another cache size."""
        self._cache_size = cache_size
        return self

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no _call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """log |dy/dx| for a pair (x, y); of vectors, the logarithm of the determinant."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of y for that of x."""
        return tuple(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of x for that of y."""
        return tuple(shape)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self).keys() == vars(other).keys() and all(
            name == "_cached" or value is vars(other)[name] or (not isinstance(value, Tensor)
                                                                and value == vars(other)[name])
            for name, value in vars(self).items())

    __hash__ = object.__hash__


class _Inverse(Transform):
    """The inverse of a transform."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._inv = transform
        self.domain, self.codomain = transform.codomain, transform.domain
        self.bijective, self.sign = transform.bijective, transform.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv.inverse(x)

    def inverse(self, y: Tensor) -> Tensor:
        return self._inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return self._inv.forward_shape(shape)


class ExpTransform(Transform):
    """y = exp(x).

    Example:
        >>> import fastnet
        >>> fastnet.distributions.ExpTransform()(fastnet.tensor(0.0))
        tensor(1.)
    """

    bijective = True
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return exp(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return log(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class AffineTransform(Transform):
    """y = loc + scale * x.

    Args:
        loc, scale: numbers or tensors.
        event_dim: the number of last dimensions that form one event.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.AffineTransform(1.0, 2.0)(fastnet.tensor(3.0))
        tensor(7.)
    """

    bijective = True

    def __init__(self, loc: TensorOrNumber, scale: TensorOrNumber, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim
        if event_dim:
            self.domain = self.codomain = constraints.independent(constraints.real, event_dim)

    @property
    def sign(self) -> Any:
        """The sign of the scale."""
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return 1 if self.scale > 0 else -1 if self.scale < 0 else 0

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        scale = self.scale
        size = log(abs(scale)) if isinstance(scale, Tensor) else x.new_full((), math.log(math.fabs(scale)))
        return sum_rightmost((x * 0 + size) if size.shape != x.shape else size, self.event_dim)


class SigmoidTransform(Transform):
    """y = sigmoid(x), limited to numbers between 0 and 1.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.SigmoidTransform()(fastnet.tensor(0.0))
        tensor(0.5)
    """

    bijective = True
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        eps = 1.1920929e-07 if x.element_size() == 4 else 2.220446049250313e-16
        return sigmoid(x).clamp(eps / 1e31 if x.element_size() == 4 else 2.3e-308, 1 - eps)

    def _inverse(self, y: Tensor) -> Tensor:
        eps = 1.1920929e-07 if y.element_size() == 4 else 2.220446049250313e-16
        y = y.clamp(1.2e-38 if y.element_size() == 4 else 2.3e-308, 1 - eps)
        return log(y) - log1p(-y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """y = tanh(x).

    Example:
        >>> import fastnet
        >>> fastnet.distributions.TanhTransform()(fastnet.tensor(0.0))
        tensor(0.)
    """

    bijective = True
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return tanh(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return 0.5 * (log1p(y) - log1p(-y))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class SoftplusTransform(Transform):
    """y = log(1 + exp(x)).

    Example:
        >>> import fastnet
        >>> fastnet.distributions.SoftplusTransform()(fastnet.tensor(0.0))
        tensor(0.6931)
    """

    bijective = True
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return log(-(-y).expm1()) + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -softplus(-x)


class PowerTransform(Transform):
    """y = x^exponent for positive x.

    Args:
        exponent: a number or a tensor, not 0.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.PowerTransform(2.0)(fastnet.tensor(3.0))
        tensor(9.)
    """

    bijective = True
    domain = constraints.positive
    codomain = constraints.positive

    def __init__(self, exponent: TensorOrNumber, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent: Any = exponent

    def _call(self, x: Tensor) -> Tensor:
        return x ** self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return log(abs(self.exponent * y / x))


class AbsTransform(Transform):
    """y = |x|, which has no inverse; `inv` gives the positive x.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.AbsTransform()(fastnet.tensor(-1.0))
        tensor(1.)
    """

    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return abs(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class SoftmaxTransform(Transform):
    """y = softmax(x) over the last dimension, which has no inverse; `inv` gives log(y).

    Example:
        >>> import fastnet
        >>> fastnet.distributions.SoftmaxTransform()(fastnet.zeros(2))
        tensor([0.5, 0.5])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return log(y)


class IndependentTransform(Transform):
    """A transform whose last dimensions count as dimensions of the event: log-derivatives add over them.

    Args:
        base_transform: a transform.
        reinterpreted_batch_ndims: the number of dimensions.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> x = fastnet.zeros(3)
        >>> d.IndependentTransform(d.ExpTransform(), 1).log_abs_det_jacobian(x, x.exp())
        tensor(0.)
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform, self.reinterpreted_batch_ndims = base_transform, reinterpreted_batch_ndims
        self.domain = constraints.independent(base_transform.domain, reinterpreted_batch_ndims)
        self.codomain = constraints.independent(base_transform.codomain, reinterpreted_batch_ndims)
        self.bijective, self.sign = base_transform.bijective, base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform.inverse(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)


class ReshapeTransform(Transform):
    """Give the last dimensions another shape.

    Args:
        in_shape, out_shape: the shapes of one event before and after.
        cache_size: see `Transform`.

    Raises:
        ValueError: different numbers of elements.

    Example:
        >>> import fastnet
        >>> fastnet.distributions.ReshapeTransform((4,), (2, 2))(fastnet.zeros(3, 4)).shape
        (3, 2, 2)
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.in_shape, self.out_shape = tuple(in_shape), tuple(out_shape)
        if math.prod(in_shape) != math.prod(out_shape):
            raise ValueError(f"ReshapeTransform: shapes {self.in_shape} and {self.out_shape} have different numbers of "
                             "elements")
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[:x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:len(shape) - len(self.in_shape)], *self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        return (*shape[:len(shape) - len(self.out_shape)], *self.in_shape)


class ComposeTransform(Transform):
    """Several transforms, one after the other.

    Args:
        parts: the transforms, the first one first.
        cache_size: see `Transform`.

    Example:
        >>> import fastnet
        >>> d = fastnet.distributions
        >>> d.ComposeTransform([d.AffineTransform(1.0, 2.0), d.ExpTransform()])(fastnet.tensor(-0.5))
        tensor(1.)
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        self.bijective = all(part.bijective for part in self.parts)
        if self.parts:
            self.domain, self.codomain = self.parts[0].domain, self.parts[-1].codomain
        for part in self.parts:
            self.sign = self.sign * part.sign

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part.inverse(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return x * 0
        events = max(part.domain.event_dim for part in self.parts)
        total: Any = 0
        for part in self.parts:
            after = part(x)
            total = total + sum_rightmost(part.log_abs_det_jacobian(x, after), events - part.domain.event_dim)
            x = after
        return total

    def forward_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return tuple(shape)

    def inverse_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return tuple(shape)


identity_transform: Transform = ComposeTransform([])
