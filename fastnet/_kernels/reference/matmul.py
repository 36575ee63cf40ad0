"""Matrix products."""
import numpy as np

from fastnet._kernels.reference.tools.contract import kernel
from fastnet._kernels.reference.tools.finish import finish


@kernel(flushes=True)
def matmul(out, a, b, bias=None, activation="none", accumulate=False, affine=None, residual=None):
    """out = activation((a @ b + bias - centre) * scale + shift + residual), or out += a @ b.

    Args:
        out: (M, N), or (B, M, N) for a batch of products; contiguous; must not overlap the other arrays.
        a: (M, K) or (B, M, K). The stride along M or K is one element, so that a transposed matrix needs no copy. The
            batch stride may be 0. If K is 0, the product is zero.
        b: (K, N) or (B, K, N), likewise.
        bias: (N,), added to every row, or None.
        activation: none, relu, relu6, sigmoid, tanh, gelu, gelu_tanh, silu, hardswish or hardsigmoid.
        accumulate: add to out instead of writing it; without all the rest.
        affine: (3, N), centre, scale and shift of every column, or None.
        residual: of out's shape, or None.
    """
    if accumulate:
        if not (bias is affine is residual is None and activation == "none"):
            raise ValueError("matmul: accumulate takes neither bias, affine, residual nor activation")
        out += np.matmul(a, b)
        return
    np.matmul(a, b, out=out)
    finish("matmul", out, bias, affine, residual, activation)
