"""The gradient of a parameter for each sample, and its squared norm without it, by the operation that read it.

For a linear map, the gradient of sample i is the sum over its T positions of the products g[t] x[t]' of the gradient of
the output and the input. Its squared norm is the sum over s and t of (g[s] g[t]) (x[s] x[t]): for T = 1 a product of
two squared norms, else of two Gram matrices. Goodfellow 2015, https://arxiv.org/abs/1510.01799; Li et al. 2022,
"Large language models can be strong differentially private learners", https://arxiv.org/abs/2110.05679.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty, empty_like
from fastnet.autograd import gradient
from fastnet.autograd.hooks import ArgumentGradient
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.channel_normalization import group_norm_gradients
from fastnet.functional.convolution import filter_gradient, sum_over_pixels, transposed_filter_gradient
from fastnet.functional.embedding import table_gradient
from fastnet.functional.linear import right_gradient
from fastnet.functional.low_rank import low_rank_gradients
from fastnet.functional.matrix_gradients import as_matrix, bias_gradient, product, weight_gradient
from fastnet.functional.normalization import layer_norm_gradients, rms_norm_gradients
from fastnet.privacy.windows import windows_of

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Shape

__all__ = ["UnknownUseError", "row_squares", "rows_of", "squares_of"]

Function: TypeAlias = "Callable[..., Array] | None"

# positions among the saved arrays of a linear map with a low-rank update
_DROPPED, _INNER, _DOWN_SCALED, _SCALE = 4, 6, 7, 8


class UnknownUseError(Exception):
    """The gradients of the samples are not known for this use of a parameter. The message ends "is used ..."."""


class _SampleRule(NamedTuple):
    """How a gradient function(g, *saved) divides into samples, for a parameter of a shape and n samples."""

    rows: Callable[[Array, tuple[Any, ...], Shape, int], Array]         # the gradients of the samples, (n, P)
    squares: Callable[[Array, tuple[Any, ...], Shape, int], Array | None] | None = None   # their squared norms, (n,);
                                                                        # None where the gradients are cheaper


def rows_of(g: Array, function: Function, shape: Shape, n: int) -> Array:
    """The gradients of the samples, (n, P): their sum is function(g), a gradient of P elements.

    Args:
        g: the gradient of the result of an operation; its first dimension are the samples.
        function: the gradient function of the operation for a parameter.
        shape: of the parameter.
        n: the number of samples.

    Raises:
        UnknownUseError: the operation has no known form.
    """
    rule, saved = _rule(g, function, n)
    return _broadcast_rows(g, function, shape, n) if rule is None else rule.rows(g, saved, shape, n)


def squares_of(g: Array, function: Function, shape: Shape, n: int) -> Array | None:
    """The squared norms of the gradients of the samples, (n,); None if the gradients are cheaper. See `rows_of`."""
    rule, saved = _rule(g, function, n)
    return None if rule is None or rule.squares is None else rule.squares(g, saved, shape, n)


def _rule(g: Array, function: Function, n: int) -> tuple[_SampleRule | None, tuple[Any, ...]]:
    """(the rule, the saved arrays) of a gradient function."""
    plain: Any = function
    position, saved = None, ()
    if type(plain) is ArgumentGradient:
        plain, position = plain.function, plain.position
    if type(plain) is gradient:
        plain, saved = plain.function, plain.saved
    rule = _SAMPLE_RULES.get(plain if position is None else (plain, position))
    if position is not None and rule is None:
        raise UnknownUseError(f"is used by {_full_name(plain)}, whose gradients of single samples are not known")
    if g.ndim == 0 or g.shape[0] != n:
        raise UnknownUseError(f"is used by an operation whose result has shape {shape_text(g)}; expected the {n} rows "
                              "of the private loader's whole batch in the first dimension")
    return rule, saved


def _full_name(function: Any) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__name__', type(function).__name__)}"


# ---- products of rows -----------------------------------------------------------------------------------------------

def row_squares(x: Array) -> Array:
    """The sum of squares of each row of (n, m)."""
    out = empty((x.shape[0], 1), x.dtype)
    K.square_sums(out, x[..., None])
    return out.reshape(-1)


def _row_sums(x: Array) -> Array:
    """The sum over all but the first dimension of a contiguous array."""
    out = empty((x.shape[0], 1), x.dtype)
    K.sum(out, x.reshape(x.shape[0], math.prod(x.shape[1:]), 1))
    return out.reshape(-1)


def _position_sums(x: Array) -> Array:
    """(n, T, C) summed over the positions."""
    if x.shape[1] == 1:
        return x.reshape(x.shape[0], x.shape[2])
    out = empty((x.shape[0], x.shape[2]), x.dtype)
    K.sum(out, x)
    return out


def _batch_product(a: Array, b: Array) -> Array:
    out = empty((*a.shape[:2], b.shape[2]), a.dtype)
    K.matmul(out, a, b)
    return out


def _gram(x: Array) -> Array:
    """(n, T, C) as (n, T, T), the inner products of the positions."""
    return _batch_product(x, x.swapaxes(1, 2))


def _by_sample(x: Array, n: int) -> Array:
    """Rows of samples in their order, (..., C), as (n, T, C)."""
    return kernels.reshaped(x, (n, math.prod(x.shape[:-1]) // n, x.shape[-1]))


def _flat_samples(x: Array) -> Array:
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


# ---- linear maps ----------------------------------------------------------------------------------------------------

def _linear_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _flat_samples(_batch_product(_by_sample(g, n).swapaxes(1, 2), _by_sample(saved[0], n)))


def _linear_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array | None:
    return _outer_squares(_by_sample(g, n), _by_sample(saved[0], n))


def _outer_squares(g: Array, x: Array) -> Array | None:
    """The squared norms of the sums over positions of g[t] x[t]'; None where the sums have fewer elements."""
    positions = g.shape[1]
    if positions == 1:
        return kernels.mul(row_squares(_flat_samples(g)), row_squares(_flat_samples(x)))
    if 2 * positions * positions >= g.shape[2] * x.shape[2]:
        return None
    return _row_sums(kernels.mul(_gram(g), _gram(x)))


def _bias_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _position_sums(_by_sample(g, n))


def _right_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    g, x = _as_matrices(g, saved[0])
    return _flat_samples(_batch_product(x[:, :, None], g[:, None]))


def _right_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array | None:
    g, x = _as_matrices(g, saved[0])
    return kernels.mul(row_squares(g), row_squares(x))


def _as_matrices(g: Array, x: Array) -> tuple[Array, Array]:
    if g.ndim != 2 or x.ndim != 2:
        raise UnknownUseError("is the second factor of a matrix product of batches; use fastnet.nn.functional.linear")
    return kernels.contiguous(g), kernels.contiguous(x)


# ---- low-rank updates of linear maps, of the result x W' + b + scale (s A') B', where s is x or x after dropout ------

def _down_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _linear_rows(*_down_factors(g, saved), shape, n)


def _down_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array | None:
    return _linear_squares(*_down_factors(g, saved), shape, n)


def _down_factors(g: Array, saved: tuple[Any, ...]) -> tuple[Array, tuple[Array]]:
    """The two factors of the gradient of A: scale g B, (rows, r), and s."""
    _, _, _, up, *_ = saved
    through = product(kernels.contiguous(as_matrix(g)), up)
    return kernels.scale(through, saved[_SCALE]), (_low_rank_input(saved),)


def _up_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _linear_rows(*_up_factors(g, saved), shape, n)


def _up_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array | None:
    return _linear_squares(*_up_factors(g, saved), shape, n)


def _up_factors(g: Array, saved: tuple[Any, ...]) -> tuple[Array, tuple[Array]]:
    """The two factors of the gradient of B: g, and scale s A', (rows, r)."""
    inner, down_scaled = saved[_INNER], saved[_DOWN_SCALED]
    return as_matrix(g), (product(_low_rank_input(saved), down_scaled.T) if inner is None else inner,)


def _low_rank_input(saved: tuple[Any, ...]) -> Array:
    found: Array = saved[0] if saved[_DROPPED] is None else saved[_DROPPED]
    return found


# ---- tables ---------------------------------------------------------------------------------------------------------

def _table_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    index, rows, _ = _table_positions(g, saved, n)
    starts = empty((n, 1), dtypes.int64)
    K.arange(starts.reshape(n), 0, shape[0])
    places = kernels.add(index.reshape(n, -1), starts).reshape(-1)
    out = empty((n * shape[0], shape[1]), g.dtype)
    K.embedding_backward(out, places, rows.reshape(-1, shape[1]))
    return out.reshape(n, -1)


def _table_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    """The sum of the inner products of all pairs of positions with one token."""
    index, rows, positions = _table_positions(g, saved, n)
    if positions == 1:
        return row_squares(_flat_samples(rows))
    same = kernels.binary("eq", index.reshape(n, positions, 1), index.reshape(n, 1, positions), dtypes.bool_)
    return _row_sums(kernels.masked(same, _gram(rows)))


def _table_positions(g: Array, saved: tuple[Any, ...], n: int) -> tuple[Array, Array, int]:
    """(index (n, T), gradients (n, T, E), T), where the gradients at the padding are 0."""
    flat, shape, padding, by_frequency = saved
    if by_frequency:
        raise UnknownUseError("is read with scale_grad_by_freq=True, which counts the tokens of all samples")
    positions = flat.size // n
    rows = kernels.reshaped(g, (n, positions, shape[1]))
    index = flat.reshape(n, positions, 1)
    if padding is not None:
        kept = kernels.binary("ne", index, kernels.scalar(padding, flat.dtype), dtypes.bool_)
        rows = kernels.masked(kept, rows)
    return index, rows, positions


# ---- convolutions ---------------------------------------------------------------------------------------------------

def _filter_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _sliced_rows(filter_gradient, g, saved, shape, n)


def _transposed_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _sliced_rows(transposed_filter_gradient, g, saved, shape, n)


def _sliced_rows(function: Callable[..., Array], g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    """The gradient function of each sample."""
    v, _, geometry = saved
    out = empty((n, *shape), g.dtype)
    for i in range(n):
        function(g[i:i + 1], v[i:i + 1], shape, geometry, out=out[i])
    return _flat_samples(out)


def _filter_squares(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array | None:
    v, _, geometry = saved
    positions = math.prod(g.shape[1:4])
    if geometry.groups > 1 or 2 * positions * positions >= math.prod(shape):
        return None
    windows = windows_of(v, g.shape[1:4], shape, *geometry.windows())
    return _row_sums(kernels.mul(_gram(g.reshape(n, positions, g.shape[4])), _gram(windows)))


def _pixel_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _position_sums(g.reshape(n, math.prod(g.shape[1:-1]), g.shape[-1]))


# ---- normalisation --------------------------------------------------------------------------------------------------

def _layer_norm_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    x, _, mean, rstd, eps = saved
    normed = empty_like(x)
    K.layer_norm(normed, empty_like(mean), empty_like(rstd), x, None, None, eps)
    return _position_sums(_by_sample(kernels.mul(kernels.contiguous(g).reshape(x.shape), normed), n))


def _rms_norm_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    x, _, rstd, eps = saved
    normed = empty_like(x)
    K.rms_norm(normed, empty_like(rstd), x, None, eps)
    return _position_sums(_by_sample(kernels.mul(kernels.contiguous(g).reshape(x.shape), normed), n))


def _layer_bias_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _position_sums(_by_sample(kernels.contiguous(g).reshape(saved[0].shape), n))


def _group_norm_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    x, mean, var, _, eps = saved                            # x is (n, positions, C)
    normed = empty_like(x)
    K.group_norm(normed, empty_like(mean), empty_like(var), x, None, None, eps)
    return _position_sums(kernels.mul(_pixel_channels(g), normed))


def _group_bias_rows(g: Array, saved: tuple[Any, ...], shape: Shape, n: int) -> Array:
    return _position_sums(_pixel_channels(g))


def _pixel_channels(g: Array) -> Array:
    """(n, C, *spatial) as a contiguous (n, positions, C)."""
    y = kernels.contiguous(g.transpose(0, *range(2, g.ndim), 1))
    return y.reshape(g.shape[0], math.prod(g.shape[2:]), g.shape[1])


# ---- parameters that are broadcast over the samples -----------------------------------------------------------------

def _broadcast_rows(g: Array, function: Function, shape: Shape, n: int) -> Array:
    """Gradients of an elementwise operation, before they are summed over the dimensions it broadcasts along."""
    array = g if function is None else function(g)
    extra = array.ndim - len(shape)
    axes = [i for i in range(1, array.ndim) if i < extra or (shape[i - extra] == 1 and array.shape[i] != 1)]
    if array.shape[:1] != (n,) or extra < 0 or (extra == 0 and shape[0] != 1) or (extra == 0 and n == 1):
        plain = function.function if type(function) is gradient else function
        raise UnknownUseError(f"is used by an operation with the gradient function {_full_name(plain)}, whose "
                              "gradients of single samples are not known; known are linear maps, convolutions, "
                              "embeddings, layer, group and RMS norm, and elementwise operations that broadcast the "
                              "parameter over the samples")
    for axis in reversed(axes):
        lead, rest = array.shape[:axis], array.shape[axis + 1:]
        out = empty((math.prod(lead), math.prod(rest)), array.dtype)
        K.sum(out, kernels.contiguous(array).reshape(math.prod(lead), array.shape[axis], math.prod(rest)))
        array = out.reshape(*lead, 1, *rest)
    return _flat_samples(kernels.contiguous(array))


_SAMPLE_RULES: dict[Any, _SampleRule] = {
    weight_gradient: _SampleRule(_linear_rows, _linear_squares),
    bias_gradient: _SampleRule(_bias_rows),
    right_gradient: _SampleRule(_right_rows, _right_squares),
    table_gradient: _SampleRule(_table_rows, _table_squares),
    filter_gradient: _SampleRule(_filter_rows, _filter_squares),
    (low_rank_gradients, 1): _SampleRule(_linear_rows, _linear_squares),
    (low_rank_gradients, 2): _SampleRule(_bias_rows),
    (low_rank_gradients, 3): _SampleRule(_down_rows, _down_squares),
    (low_rank_gradients, 4): _SampleRule(_up_rows, _up_squares),
    transposed_filter_gradient: _SampleRule(_transposed_rows),
    sum_over_pixels: _SampleRule(_pixel_rows),
    (layer_norm_gradients, 1): _SampleRule(_layer_norm_rows),
    (layer_norm_gradients, 2): _SampleRule(_layer_bias_rows),
    (rms_norm_gradients, 1): _SampleRule(_rms_norm_rows),
    (group_norm_gradients, 1): _SampleRule(_group_norm_rows),
    (group_norm_gradients, 2): _SampleRule(_group_bias_rows),
}
