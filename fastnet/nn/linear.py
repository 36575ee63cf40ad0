"""Linear layers."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import check_sizes
from fastnet._core.tensor import Tensor
from fastnet.nn import init
from fastnet.nn.functional import linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["Identity", "Linear"]


class Linear(Module):
    """Linear layer: x @ weight.T + bias.

    Weight and bias start uniform in [-1/sqrt(in_features), 1/sqrt(in_features)].

    Args:
        in_features: length of the input's last dimension.
        out_features: length of the output's last dimension.
        bias: add a learned bias.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        (..., in_features) to (..., out_features). weight is (out_features, in_features), bias (out_features,).

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.Linear(3, 2)
        >>> layer
        Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,); 8 parameters
        >>> layer(fastnet.ones(5, 3)).shape
        (5, 2)
    """

    in_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | Any               # None without a bias

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        check_sizes("Linear", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = new_parameter(out_features, in_features, device=device, dtype=dtype)
        self.register_parameter("bias", new_parameter(out_features, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values of the weight and the bias."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """Return the input unchanged. Constructor arguments are ignored, so that it can replace any layer.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Identity()(fastnet.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input
