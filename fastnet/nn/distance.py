"""Similarities and distances of vectors, and bilinear forms."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnet._core.tensor import Tensor
from fastnet.nn import functional as F, init
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["Bilinear", "CosineSimilarity", "PairwiseDistance"]


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along a dimension: see `functional.cosine_similarity`.

    Args:
        dim: the dimension of the vectors.
        eps: the least length of a vector.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CosineSimilarity()(fastnet.tensor([[1.0, 0.0]]), fastnet.tensor([[2.0, 0.0]]))
        tensor([1.])
    """

    dim: int
    eps: float

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of differences along the last dimension: see `functional.pairwise_distance`.

    Args:
        p: the order of the norm.
        eps: added to each difference.
        keepdim: keep the last dimension, with length 1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.PairwiseDistance()(fastnet.tensor([[3.0, 4.0]]), fastnet.zeros(1, 2))
        tensor([5.])
    """

    p: float
    eps: float
    keepdim: bool

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.p, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)


class Bilinear(Module):
    """out[k] = x1 @ weight[k] @ x2 + bias[k]: see `functional.bilinear`.

    Args:
        in1_features, in2_features: the lengths of the inputs' last dimensions.
        out_features: the length of the result's.
        bias: whether to add a bias.
        device: see `fastnet.device`.
        dtype: that of the parameters.

    Attributes:
        weight: (out_features, in1_features, in2_features), uniform within 1 / sqrt(in1_features) of 0.
        bias: (out_features,), or None.

    Raises:
        ValueError: in1_features is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.nn.Bilinear(2, 3, 4)(fastnet.ones(5, 2), fastnet.ones(5, 3)).shape
        (5, 4)
    """

    in1_features: int
    in2_features: int
    out_features: int

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
                 device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"Bilinear: expected a positive in1_features, got {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = new_parameter(out_features, in1_features, in2_features, device=device, dtype=dtype)
        self.register_parameter("bias", new_parameter(out_features, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")
