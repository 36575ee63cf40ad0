"""Bilinear forms of two inputs."""
from __future__ import annotations

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.dims import check_tensors
from fastnet.functional.linear import matmul

__all__ = ["bilinear"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """out[k] = input1 @ weight[k] @ input2 + bias[k], for each row of the inputs.

    Args:
        input1: (..., n).
        input2: (..., m), with the same leading dimensions.
        weight: (out, n, m).
        bias: (out,) or None.

    Raises:
        RuntimeError: shapes that do not fit.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.bilinear(fastnet.ones(1, 2), fastnet.ones(1, 3), fastnet.ones(1, 2, 3))
        tensor([[6.]])
    """
    check_tensors("bilinear", input1=input1, input2=input2, weight=weight)
    if weight.ndim != 3 or input1.shape[:-1] != input2.shape[:-1] or (
            (input1.shape[-1:], input2.shape[-1:]) != (weight.shape[1:2], weight.shape[2:])):
        raise RuntimeError("bilinear: expected inputs (..., n) and (..., m) and a weight (out, n, m), got shapes "
                           f"{shape_text(input1)}, {shape_text(input2)} and {shape_text(weight)}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"bilinear: expected a bias of shape {shape_text(weight.shape[:1])}, got {shape_text(bias)}")
    out, n, m = weight.shape
    x, y = input1.reshape(-1, n), input2.reshape(-1, m)
    left = matmul(x, weight.permute(1, 0, 2).reshape(n, out * m)).reshape(-1, out, m)     # (rows, out, m)
    result = matmul(left, y.unsqueeze(2)).squeeze(2)
    result = result if bias is None else result + bias
    return result.reshape(*input1.shape[:-1], out)
