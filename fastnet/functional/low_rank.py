"""A linear layer with a low-rank update of its weight, as one operation: LoRA."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet.autograd import gradient, on_tensors, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.linear import check_one_dtype
from fastnet.functional.matrix_gradients import as_matrix, bias_gradient, product, weight_gradient
from fastnet.functional.normalization import needed_arrays

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["low_rank_gradients", "low_rank_linear"]

_DROPPED = 6                            # the position of the argument `dropped`
_BLOCK_ROWS, _BLOCK_BYTES = 64, 1 << 19 # of the input and the gradient: the least rows of a block, and its size


def _scaled_factor(x: Array, factor: float) -> Array:
    return x if factor == 1 else kernels.scale(x, factor)


def _sums_weights(rows: int, weight: Array) -> bool:
    """Whether it is cheaper to add the update to the weight than its products to the result and to dX.

    The sum reads and writes (out, in), mostly from main memory; the other form adds to (rows, out) and to (rows, in).
    """
    outputs, inputs = weight.shape
    return rows * (outputs + inputs) >= 2 * outputs * inputs


def _row_blocks(*matrices: Array) -> Iterator[slice]:
    """Blocks of rows that stay in the L2 cache while the products of a block read them; without rows, an empty one."""
    rows = len(matrices[0])
    size = max(_BLOCK_ROWS, _BLOCK_BYTES // max(1, sum(x.shape[1] * x.itemsize for x in matrices)))
    for start in range(0, max(rows, 1), size):
        yield slice(start, min(start + size, rows))


@op
def _low_rank_linear(x: Array, weight: Array, bias: Array | None, down: Array, up: Array, scale: float,
                     dropped: Array | None) -> Result[Array]:
    rows, down_scaled = as_matrix(x), _scaled_factor(down, scale)
    source = rows if dropped is None else as_matrix(dropped)
    out = empty((rows.shape[0], weight.shape[0]), x.dtype)
    updated = inner = None
    if dropped is None and _sums_weights(rows.shape[0], weight):
        updated = empty(weight.shape, weight.dtype)
        K.matmul(updated, up, down_scaled, residual=weight)
        K.matmul(out, rows, updated.T, bias)
    else:
        inner = empty((rows.shape[0], up.shape[1]), x.dtype)
        K.matmul(out, rows, weight.T, bias)
        K.matmul(inner, source, down_scaled.T)
        K.matmul(out, inner, up.T, accumulate=True)
    slope = gradient(low_rank_gradients, rows, weight, down, up, None if dropped is None else source, updated,
                     inner, down_scaled, scale, x.shape)
    return out if rows is x else out.reshape(*x.shape[:-1], weight.shape[0]), slope


def _gradients_on_tensors(g: Tensor, needs: Sequence[bool], rows: Tensor, weight: Tensor, down: Tensor, up: Tensor,
                          dropped: Tensor | None, updated: Tensor | None, inner: Tensor | None,
                          down_scaled: Tensor, scale: float, shape: Shape) -> tuple[Any, ...]:
    g = g.reshape(len(rows), len(weight))
    source, through = rows if dropped is None else dropped, (g @ up) * scale
    back = through @ down
    dx = g @ weight if dropped is not None else g @ weight + back
    return (dx.reshape(shape), g.t() @ rows, g.sum(0), through.t() @ source, g.t() @ (source @ down.t() * scale), None,
            back.reshape(shape))


@on_tensors(_gradients_on_tensors, 0, 1, 3, 4, 6, None, None, None)
def low_rank_gradients(g: Array, needs: Sequence[bool], rows: Array, weight: Array, down: Array, up: Array,
                        dropped: Array | None, updated: Array | None, inner: Array | None, down_scaled: Array,
                        scale: float, shape: Shape) -> tuple[Any, ...]:
    """The gradients of all arguments."""
    g, source = kernels.contiguous(as_matrix(g)), rows if dropped is None else dropped
    needs = (*needs, *(False for _ in range(_DROPPED + 1 - len(needs))))
    dx, _, _, d_down, d_up, _, back = needed_arrays(needs, g.dtype, rows.shape, (), (), down.shape, up.shape, (),
                                                    source.shape)
    through, up_scaled = empty((len(g), up.shape[1]), g.dtype), _scaled_factor(up, scale)
    for block in _row_blocks(g, source):
        K.matmul(through[block], g[block], up_scaled)   # scale * g @ up, (rows, r): used three times
        if d_down is not None:
            K.matmul(d_down, through[block].T, source[block], accumulate=block.start > 0)
        if d_up is not None:
            of_block = product(source[block], down_scaled.T) if inner is None else inner[block]
            K.matmul(d_up, g[block].T, of_block, accumulate=block.start > 0)
    if dx is not None:
        K.matmul(dx, g, weight if updated is None else updated)
        if dropped is None and updated is None:
            K.matmul(dx, through, down, accumulate=True)
    if back is not None:
        K.matmul(back, through, down)
    return (None if dx is None else dx.reshape(shape), gradient(weight_gradient, rows), bias_gradient, d_down, d_up,
            None, None if back is None else back.reshape(shape))


def low_rank_linear(input: Tensor, weight: Tensor, bias: Tensor | None, lora_A: Tensor, lora_B: Tensor,
                    scale: float = 1.0, dropped: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias + scale * (input @ lora_A.T) @ lora_B.T, as one operation.

    For few rows, the low-rank product is added to the result of the affine map in place, and its gradient to that of
    the input. For many rows without dropout, the update is added to a copy of the weight, which both products then use.
    The shapes decide. The product of the gradient and `lora_B` is computed once. Hu et al. 2021, LoRA,
    https://arxiv.org/abs/2106.09685.

    Args:
        input: (..., in_features).
        weight: (out_features, in_features).
        bias: (out_features,) or None.
        lora_A: (r, in_features).
        lora_B: (out_features, r).
        scale: factor of the low-rank product.
        dropped: the input of the low-rank product in the shape of `input`, such as the input after dropout; None: the
            input itself.

    Raises:
        RuntimeError: shapes or dtypes that don't fit; both are named.

    Example:
        >>> import fastnet
        >>> from fastnet.functional.low_rank import low_rank_linear
        >>> x, weight = fastnet.tensor([[1.0, 2.0]]), fastnet.tensor([[3.0, 4.0]])
        >>> low_rank_linear(x, weight, None, fastnet.tensor([[1.0, 1.0]]), fastnet.tensor([[10.0]]), 0.5)
        tensor([[26.]])
    """
    given = [x for x in (bias, lora_A, lora_B, dropped) if x is not None]
    check_one_dtype("low_rank_linear", ("input", "weight", "the others", "the others", "the others", "the others"),
                    input, weight, *given)
    check_floating("low_rank_linear", input)
    if (weight.ndim != 2 or lora_A.ndim != 2 or input.shape[-1:] != weight.shape[1:]
            or lora_A.shape[1] != weight.shape[1] or lora_B.shape != (weight.shape[0], lora_A.shape[0])
            or (bias is not None and bias.shape != weight.shape[:1])
            or (dropped is not None and dropped.shape != input.shape)):
        shapes = ", ".join(f"{name} {shape_text(x)}" for name, x in zip(
            ("input", "weight", "bias", "lora_A", "lora_B", "dropped"), (input, weight, bias, lora_A, lora_B, dropped))
            if x is not None)
        raise RuntimeError("low_rank_linear: expected input (..., in), weight (out, in), bias (out,), lora_A (r, in) "
                           f"and lora_B (out, r), got {shapes}")
    return _low_rank_linear(input, weight, bias, lora_A, lora_B, float(scale), dropped)
