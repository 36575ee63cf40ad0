"""Activation layers that are made of other operations: shrinkage, thresholds, gates, learned and random slopes."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F
from fastnet.nn.activation import Elementwise, InPlace
from fastnet.nn.init import constant_
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = [
    "CELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "PReLU",
    "RReLU",
    "Softmax2d",
    "Softmin",
    "Softshrink",
    "Tanhshrink",
    "Threshold",
]


class SELU(InPlace):
    """Scaled exponential linear unit: 1.0507 * x where x > 0, else 1.7581 * (exp(x) - 1).

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    Args:
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.SELU()(fastnet.tensor([-1.0, 0.0, 1.0]))
        tensor([-1.1113,  0.    ,  1.0507])
    """

    _function = staticmethod(F.selu)


class CELU(Module):
    """Continuously differentiable exponential linear unit: x where x > 0, else alpha * (exp(x / alpha) - 1).

    Barron 2017, https://arxiv.org/abs/1704.07483.

    Args:
        alpha: the function approaches -alpha for large negative x.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CELU(2.0)(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.7869,  2.    ])
    """

    alpha: float
    inplace: bool

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Threshold(Module):
    """x where x > threshold, else value.

    Args:
        threshold, value: numbers.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Threshold(0.5, 9.0)(fastnet.tensor([-1.0, 2.0]))
        tensor([9., 2.])
    """

    threshold: float
    value: float
    inplace: bool

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class RReLU(Module):
    """x where x > 0, else slope * x, with random slopes in training and their mean in evaluation.

    Xu et al. 2015, https://arxiv.org/abs/1505.00853.

    Args:
        lower, upper: the range of the slopes.
        inplace: write the result into the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.RReLU(0.25, 0.75).eval()(fastnet.tensor([-1.0, 2.0]))
        tensor([-0.5,  2. ])
    """

    lower: float
    upper: float
    inplace: bool

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class _Shrink(Module):
    """A shrinkage with one threshold.

    Args:
        lambd: the threshold.
    """

    lambd: float

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, else 0.

    Args:
        lambd: the threshold.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Hardshrink()(fastnet.tensor([-1.0, 0.3, 2.0]))
        tensor([-1.,  0.,  2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x - lambd where x > lambd, x + lambd where x < -lambd, else 0.

    Args:
        lambd: the threshold, not negative.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softshrink()(fastnet.tensor([-1.0, 0.3, 2.0]))
        tensor([-0.5,  0. ,  1.5])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class Tanhshrink(Elementwise):
    """x - tanh(x).

    Example:
        >>> import fastnet
        >>> fastnet.nn.Tanhshrink()(fastnet.tensor([0.0, 1.0]))
        tensor([0.    , 0.2384])
    """

    _function = staticmethod(F.tanhshrink)


class GLU(Module):
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of the input along `dim`.

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    Args:
        dim: a dimension of even length.

    Example:
        >>> import fastnet
        >>> fastnet.nn.GLU()(fastnet.tensor([1.0, 2.0, 0.0, 100.0]))
        tensor([0.5, 2. ])
    """

    dim: int

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(Module):
    """x where x > 0, else weight * x, with learned slopes. He et al. 2015, https://arxiv.org/abs/1502.01852.

    Args:
        num_parameters: 1, or the number of channels, which are dimension 1.
        init: the slopes at the start.
        device: see `fastnet.device`.
        dtype: that of the slopes.

    Attributes:
        weight: (num_parameters,).

    Example:
        >>> import fastnet
        >>> fastnet.nn.PReLU()(fastnet.tensor([-1.0, 2.0])).tolist()
        [-0.25, 2.0]
    """

    num_parameters: int
    init: float

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = new_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all slopes to `init`."""
        constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softmin(Module):
    """exp(-x) / sum(exp(-x)) along a dimension.

    Args:
        dim: the dimension.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softmin(0)(fastnet.tensor([0.0, 1000.0]))
        tensor([1., 0.])
    """

    dim: int | None

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax2d(Module):
    """Softmax over the channels of images, (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: when called: an input of another number of dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Softmax2d()(fastnet.zeros(2, 1, 1)).tolist()
        [[[0.5]], [[0.5]]]
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected (N, C, H, W) or (C, H, W), got shape {tuple(input.shape)}")
        return F.softmax(input, -3)
