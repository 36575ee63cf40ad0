"""Matrix products."""
import numpy as np

from fastnet._kernels.reference import activation as activations
from fastnet._kernels.reference.tools.contract import kernel


@kernel(flushes=True)
def matmul(out, a, b, bias=None, activation="none", accumulate=False):
    """out = activation(a @ b + bias), or out += a @ b.

    Args:
        out: (M, N), or (B, M, N) for a batch of products; contiguous; must not overlap a or b.
        a: (M, K) or (B, M, K). The stride along M or K is one element, so that a transposed matrix needs no copy. The
            batch stride may be 0. If K is 0, the product is zero.
        b: (K, N) or (B, K, N), likewise.
        bias: (N,), added to every row, or None.
        activation: none, relu, sigmoid, tanh, gelu, gelu_tanh or silu.
        accumulate: add to out instead of writing it; without bias and activation.
    """
    if accumulate:
        if bias is not None or activation != "none":
            raise ValueError("matmul: accumulate takes neither bias nor activation")
        out += np.matmul(a, b)
        return
    if activation not in ("none", "relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu"):
        raise ValueError(f"matmul: unknown activation {activation!r}")
    np.matmul(a, b, out=out)
    if bias is not None:
        out += bias
    if activation != "none":
        getattr(activations, activation)(out, out.copy())
