"""Operations without weights as modules, for models that are prepared for quantisation."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat
from fastnet.nn import functional as F
from fastnet.nn.module import Module
from fastnet.nn.qat.layers import ACTIVATIONS

__all__ = ["FUNCTIONS", "Add", "Concat", "Function", "Mul"]

FUNCTIONS: dict[str, Any] = {
    "elu": F.elu, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, "tanh"), "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish, "hardtanh": F.hardtanh, "leaky_relu": F.leaky_relu, "relu": F.relu, "relu6": F.relu6,
    "selu": F.selu, "sigmoid": F.sigmoid, "silu": F.silu, "softplus": F.softplus, "tanh": F.tanh}


class _OfTwoValues(Module):

    def __init__(self, activation: Literal["none", "relu", "relu6"] = "none") -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise one_of(f"{type(self).__name__}: activation", activation, tuple(ACTIVATIONS))
        self.activation = activation

    def extra_repr(self) -> str:
        return f"activation={self.activation!r}"


class Add(_OfTwoValues):
    """activation(a + b).

    Args:
        activation: "none", "relu" or "relu6".

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Add("relu")(fastnet.tensor([1.0, -3.0]), fastnet.tensor([1.0, 1.0]))
        tensor([2., 0.])
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](a + b)


class Mul(_OfTwoValues):
    """activation(a * b).

    Args:
        activation: "none", "relu" or "relu6".

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Mul()(fastnet.tensor([2.0]), fastnet.tensor([3.0]))
        tensor([6.])
    """

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return ACTIVATIONS[self.activation](a * b)


class Concat(Module):
    """Concatenate tensors.

    Args:
        dim: a dimension.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Concat(0)(fastnet.ones(1), fastnet.zeros(1))
        tensor([1., 0.])
    """

    def __init__(self, dim: int = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *tensors: Tensor) -> Tensor:
        return cat(list(tensors), self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Function(Module):
    """An activation function, element by element.

    Args:
        name: "elu", "gelu", "gelu_tanh", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "relu", "relu6", "selu",
            "sigmoid", "silu", "softplus" or "tanh".
        arguments: numbers that the function takes after the tensor, such as the slope of a leaky ReLU.

    Example:
        >>> import fastnet
        >>> from fastnet.nn import qat
        >>> qat.Function("hardswish")(fastnet.tensor([3.0, -4.0]))
        tensor([ 3., -0.])
        >>> qat.Function("leaky_relu", [0.5])(fastnet.tensor([3.0, -4.0]))
        tensor([ 3., -2.])
    """

    def __init__(self, name: str, arguments: Sequence[float] = ()) -> None:
        super().__init__()
        if name not in FUNCTIONS:
            raise one_of("Function: name", name, tuple(FUNCTIONS))
        self.name, self.arguments = name, list(map(float, arguments))

    def forward(self, input: Tensor) -> Tensor:
        result: Tensor = FUNCTIONS[self.name](input, *self.arguments)
        return result

    def extra_repr(self) -> str:
        return ", ".join(map(repr, (self.name, *self.arguments)))
