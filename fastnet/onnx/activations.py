"""The activations that the recurrent layers of ONNX can have."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fastnet.nn import functional as F

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor
    from fastnet.onnx.registry import Node

__all__ = ["activation_functions"]

# name -> (function of x, alpha and beta; the defaults of those that it has)
_CELL_ACTIVATIONS: dict[str, tuple[Callable[[Tensor, float, float], Tensor], tuple[float, ...]]] = {
    "relu": (lambda x, a, b: F.relu(x), ()),
    "tanh": (lambda x, a, b: F.tanh(x), ()),
    "sigmoid": (lambda x, a, b: F.sigmoid(x), ()),
    "softsign": (lambda x, a, b: F.softsign(x), ()),
    "softplus": (lambda x, a, b: F.softplus(x), ()),
    "leakyrelu": (lambda x, a, b: F.leaky_relu(x, a), (0.01,)),
    "elu": (lambda x, a, b: F.elu(x, a), (1.0,)),
    "thresholdedrelu": (lambda x, a, b: F.threshold(x, a, 0.0), (1.0,)),
    "affine": (lambda x, a, b: x * a + b, (1.0, 0.0)),
    "scaledtanh": (lambda x, a, b: F.tanh(x * b) * a, (1.0, 1.0)),
    "hardsigmoid": (lambda x, a, b: (x * a + b).clamp(0.0, 1.0), (0.2, 0.5)),
}


def activation_functions(node: Node, defaults: Sequence[str],
                         directions: int) -> list[list[Callable[[Tensor], Tensor]]]:
    """The activations of a recurrent layer, for each direction in the order in which ONNX names them.

    Args:
        node: with `activations`, `activation_alpha` and `activation_beta`.
        defaults: the names for one direction.
        directions: their number.
    """
    names = tuple(node.attribute("activations", tuple(defaults) * directions))
    if len(names) != len(defaults) * directions:
        raise node.refuse(f"{len(names)} activations, expected {len(defaults) * directions}")
    numbers = [list(node.attribute(f"activation_{name}", ())) for name in ("alpha", "beta")]
    made = [_with_numbers(node, name, numbers) for name in names]
    count = len(defaults)
    return [made[d * count:(d + 1) * count] for d in range(directions)]


def _with_numbers(node: Node, name: str, numbers: list[list[float]]) -> Callable[[Tensor], Tensor]:
    """An activation with the next of the numbers that it has."""
    if name.lower() not in _CELL_ACTIVATIONS:
        raise node.refuse(f"the activation {name!r}")
    function, defaults = _CELL_ACTIVATIONS[name.lower()]
    alpha, beta = (given.pop(0) if i < len(defaults) and given else (defaults[i] if i < len(defaults) else 0.0)
                   for i, given in enumerate(numbers))
    return lambda x: function(x, alpha, beta)
