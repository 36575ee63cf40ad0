"""Activation layers. All except Softmax and LogSoftmax are elementwise and accept any shape."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ELU",
    "GELU",
    "Elementwise",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "InPlace",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Softsign",
    "Tanh",
]


class Elementwise(Module):
    """An activation without settings: `_function` of the input."""

    _function: Callable[[Tensor], Tensor] = staticmethod(F.tanh)

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input)


class InPlace(Module):
    """An activation that can overwrite its input.

    Args:
        inplace: write the result into the input.
    """

    inplace: bool
    _function: Callable[..., Tensor] = staticmethod(F.relu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class ReLU(InPlace):
    """Rectified linear unit: max(x, 0).

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReLU()(fastnet.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """


class ReLU6(InPlace):
    """Rectified linear unit with an upper bound of 6: min(max(x, 0), 6).

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ReLU6()(fastnet.tensor([-1.0, 2.0, 7.0]))
        tensor([0., 2., 6.])
    """

    _function = staticmethod(F.relu6)


class SiLU(InPlace):
    """Sigmoid linear unit, also called swish: x * sigmoid(x).

    Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.SiLU()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.    ,  0.7311])
    """

    _function = staticmethod(F.silu)


class Mish(InPlace):
    """Mish: x * tanh(log(1 + exp(x))). Misra 2019, https://arxiv.org/abs/1908.08681.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Mish()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3034,  0.    ,  0.8651])
    """

    _function = staticmethod(F.mish)


class Hardswish(InPlace):
    """x * min(max(x + 3, 0), 6) / 6, element by element.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Hardswish()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3333,  0.    ,  0.6667])
    """

    _function = staticmethod(F.hardswish)


class Hardsigmoid(InPlace):
    """min(max(x + 3, 0), 6) / 6, element by element.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Hardsigmoid()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([0.3333, 0.5   , 0.6667])
    """

    _function = staticmethod(F.hardsigmoid)


class LeakyReLU(Module):
    """Leaky rectified linear unit: x where x > 0, else negative_slope * x. Maas et al. 2013.

    Args:
        negative_slope: the slope for x < 0.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LeakyReLU(0.5)(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.5,  2. ])
    """

    negative_slope: float
    inplace: bool

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{', inplace=True' if self.inplace else ''}"


class ELU(Module):
    """Exponential linear unit: x where x > 0, else alpha * (exp(x) - 1).

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Args:
        alpha: the function approaches -alpha as x goes to minus infinity.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.ELU()(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.    ])
    """

    alpha: float
    inplace: bool

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{', inplace=True' if self.inplace else ''}"


class Hardtanh(Module):
    """Clamp to [min_val, max_val].

    Args:
        min_val: the lower bound.
        max_val: the upper bound, greater than min_val.
        inplace: write the result into the input.

    Raises:
        ValueError: min_val is not less than max_val.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Hardtanh()(fastnet.tensor([-2.0, 0.5]))
        tensor([-1. ,  0.5])
    """

    min_val: float
    max_val: float
    inplace: bool

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not min_val < max_val:
            raise ValueError(f"Hardtanh: expected min_val < max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{', inplace=True' if self.inplace else ''}"


class Sigmoid(Elementwise):
    """Sigmoid: 1 / (1 + exp(-x)).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Sigmoid()(fastnet.zeros(1))
        tensor([0.5])
    """

    _function = staticmethod(F.sigmoid)


class LogSigmoid(Elementwise):
    """Logarithm of the sigmoid, log(1 / (1 + exp(-x))), computed without overflow.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LogSigmoid()(fastnet.tensor([-100.0, 0.0]))
        tensor([-100.    ,   -0.6931])
    """

    _function = staticmethod(F.logsigmoid)


class Tanh(Elementwise):
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Tanh()(fastnet.tensor([0.0, 100.0]))
        tensor([0., 1.])
    """


class Softsign(Elementwise):
    """Softsign: x / (1 + |x|).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softsign()(fastnet.tensor([-1.0, 3.0]))
        tensor([-0.5 ,  0.75])
    """

    _function = staticmethod(F.softsign)


class GELU(Module):
    """Gaussian error linear unit: x * Phi(x), where Phi is the standard normal cumulative distribution function.

    Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.

    Args:
        approximate: "none" computes Phi with the error function, "tanh" with a tanh formula, as GPT-2 does.

    Raises:
        RuntimeError: when called, for any other approximation.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GELU()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.    ,  0.8413])
    """

    approximate: Literal["none", "tanh"]

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """Softplus, a smooth ReLU: log(1 + exp(beta * x)) / beta, or x where beta * x > threshold.

    Args:
        beta: larger values approach ReLU.
        threshold: above it the two are equal to within the precision.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softplus()(fastnet.tensor([0.0, 100.0]))
        tensor([  0.6931, 100.    ])
    """

    beta: float
    threshold: float

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """Softmax along a dimension: exp(x) / sum(exp(x)).

    Args:
        dim: the dimension; without it, each call warns and takes the one that `functional.softmax` states.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softmax(dim=1)(fastnet.zeros(1, 2))
        tensor([[0.5, 0.5]])
    """

    dim: int | None

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """Logarithm of the softmax along a dimension: x - log(sum(exp(x))).

    Args:
        dim: the dimension; without it, each call warns and takes the one that `functional.softmax` states.

    Example:
        >>> import fastnet
        >>> fastnet.nn.LogSoftmax(dim=1)(fastnet.zeros(1, 2))
        tensor([[-0.6931, -0.6931]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)
