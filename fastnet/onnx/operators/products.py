"""Matrix products of ONNX models."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet.functional.einsum import einsum as einstein_sum
from fastnet.functional.linear import matmul as matrix_product
from fastnet.nn import functional as F
from fastnet.onnx.registry import Node, operator

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__: list[str] = []


@operator("Gemm")
def gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    """alpha * A @ B + beta * C."""
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    transposed = bool(node.attribute("transB", 0))
    if node.attribute("transA", 0):
        a = a.t()
    if alpha == beta == 1 and (c is None or c.shape == (b.shape[0 if transposed else 1],)):
        return F.linear(a, b if transposed else b.t(), c)
    product = matrix_product(a, b.t() if transposed else b)
    if alpha != 1:
        product = (product * alpha).to(a.dtype)
    if c is None or beta == 0:
        return product
    return product + (c if beta == 1 else (c * beta).to(a.dtype))


@operator("MatMul")
def matmul(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """The matrix product."""
    return matrix_product(a, b)


@operator("Einsum", since=12)
def einsum(node: Node, *operands: Tensor) -> Tensor:
    """The sum of products that an equation describes."""
    return einstein_sum(node.attribute("equation").replace(" ", ""), *operands)
