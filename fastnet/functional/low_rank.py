"""A linear layer with a low-rank update of its weight, as one operation: LoRA."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet.autograd import gradient, on_tensors, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import check_floating
from fastnet.functional.linear import check_one_dtype
from fastnet.functional.matrix_gradients import as_matrix, bias_gradient, product, weight_gradient

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["low_rank_linear"]

_DROPPED = 6                            # the position of the argument `dropped`


def _scale_in_place(x: Array, factor: float) -> None:
    """Multiply an array by a number, in place."""
    if factor != 1:
        K.mul(x, x, kernels.scalar(factor, x.dtype))


@op
def _low_rank_linear(x: Array, weight: Array, bias: Array | None, down: Array, up: Array, scale: float,
                     dropped: Array | None) -> Result[Array]:
    rows = as_matrix(x)
    source = rows if dropped is None else as_matrix(dropped)
    out = empty((rows.shape[0], weight.shape[0]), x.dtype)
    K.matmul(out, rows, weight.T, bias)
    inner = product(source, down.T)                     # (rows, r)
    _scale_in_place(inner, scale)
    K.matmul(out, inner, up.T, accumulate=True)
    slope = gradient(_low_rank_gradients, rows, weight, down, up, None if dropped is None else source, inner, scale,
                     x.shape)
    return out if rows is x else out.reshape(*x.shape[:-1], weight.shape[0]), slope


def _gradients_on_tensors(g: Tensor, needs: Sequence[bool], rows: Tensor, weight: Tensor, down: Tensor, up: Tensor,
                dropped: Tensor | None, inner: Tensor, scale: float, shape: Shape) -> tuple[Any, ...]:
    g = g.reshape(len(rows), len(weight))
    source, through = rows if dropped is None else dropped, (g @ up) * scale
    back = through @ down
    dx = g @ weight if dropped is not None else g @ weight + back
    return (dx.reshape(shape), g.t() @ rows, g.sum(0), through.t() @ source, g.t() @ (source @ down.t() * scale), None,
            back.reshape(shape))


@on_tensors(_gradients_on_tensors, 0, 1, 3, 4, 6, None)
def _low_rank_gradients(g: Array, needs: Sequence[bool], rows: Array, weight: Array, down: Array, up: Array,
               dropped: Array | None, inner: Array, scale: float, shape: Shape) -> tuple[Any, ...]:
    """The gradients of all arguments. scale * g @ up, (rows, r), is computed once, for `down` and the input."""
    g = as_matrix(g)
    through = product(g, up)
    _scale_in_place(through, scale)
    dx = product(g, weight) if needs[0] else None
    back = None
    if dropped is None:
        if dx is not None:
            K.matmul(dx, through, down, accumulate=True)
    elif len(needs) > _DROPPED and needs[_DROPPED]:
        back = product(through, down).reshape(shape)
    return (None if dx is None else dx.reshape(shape), gradient(weight_gradient, rows), bias_gradient,
            gradient(_of_down, through, rows if dropped is None else dropped), gradient(weight_gradient, inner), None,
            back)


@writes_out
def _of_down(g: Array, through: Array, source: Array, *, out: Array | None = None) -> Array:
    return product(through.T, source, out)


def low_rank_linear(input: Tensor, weight: Tensor, bias: Tensor | None, lora_A: Tensor, lora_B: Tensor,
                    scale: float = 1.0, dropped: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias + scale * (input @ lora_A.T) @ lora_B.T, as one operation.

    The low-rank product is added to the result of the affine map in place, and its gradient to that of the input. The
    product of the gradient and `lora_B` is computed once for the input and `lora_A`. Hu et al. 2021, LoRA,
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
