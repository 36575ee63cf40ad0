"""Transforms of single elements, and softmax."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet._core.tensor import Tensor
from fastnet.distributions import constraints
from fastnet.distributions.independent import sum_rightmost
from fastnet.distributions.transforms.transform import Transform
from fastnet.functional.activation import sigmoid, softmax, softplus, tanh
from fastnet.functional.pointwise import abs, exp, log, log1p

if TYPE_CHECKING:
    from fastnet._core.annotations import TensorOrNumber

__all__ = ["AbsTransform", "AffineTransform", "ExpTransform", "PowerTransform", "SigmoidTransform", "SoftmaxTransform",
           "SoftplusTransform", "TanhTransform"]


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
