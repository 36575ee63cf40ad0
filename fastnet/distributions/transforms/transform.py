"""The base class of transforms, and their inverses."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints

__all__ = ["Transform"]


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
