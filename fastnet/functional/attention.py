"""Scaled dot-product attention."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.shapes import ceil_div
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.compare import where
from fastnet.functional.expansion import expand
from fastnet.functional.kernel_calls import broadcast_shapes, check_floating, contiguous
from fastnet.functional.normalization import needed_arrays
from fastnet.functional.random import check_probability
from fastnet.functional.shape import reshape
from fastnet.random import default_generator

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result, Shape
    from fastnet._core.tensor import Tensor

__all__ = ["additive_mask", "attend", "cached_attention", "scaled_dot_product_attention", "self_attention"]

Draw: TypeAlias = "tuple[Array, int]"           # (state of the generator, offset to its counter)


def _rows_first(x: Array) -> Array:
    """(B, H, T, D) as a view (B, T, H, D), and back."""
    return x.transpose(0, 2, 1, 3)


def _reserve(lse: Array, keys: int, dropout: float) -> Draw | tuple[None, int]:
    """The counters of the random draw for the weights of the queries (B, H, Tq) of `lse`."""
    return default_generator.reserve(lse.size * ceil_div(keys, 4)) if dropout else (None, 0)


@op
def _attention(q: Array, k: Array, v: Array, mask: Array | None, scale: float, diagonal: int | None,
               dropout: float) -> Result[Array]:
    """Attention of (B, H, T, D). The result is (B, T, H, D) in memory, so that joining the heads copies nothing."""
    batch, heads, queries, _ = q.shape
    out = empty((batch, queries, heads, v.shape[3]), q.dtype)
    lse = empty((batch, heads, queries), q.dtype)
    state, offset = _reserve(lse, k.shape[2], dropout)
    arrays = tuple(map(_rows_first, (q, k, v)))
    K.attention(out, lse, *arrays, mask, state, offset, scale, diagonal=diagonal, dropout=dropout)
    return _rows_first(out), gradient(_attention_gradients, q, k, v, mask, out, lse, state, offset, scale, diagonal,
                                      dropout)


def _attention_gradients(g: Array, needs: Sequence[bool], q: Array, k: Array, v: Array, mask: Array | None, out: Array,
                         lse: Array, state: Array | None, offset: int, scale: float, diagonal: int | None,
                         dropout: float) -> tuple[Array | None, ...]:
    *grads, dmask = needed_arrays(needs, q.dtype, *(_rows_first(x).shape for x in (q, k, v)), (*lse.shape, k.shape[2]))
    K.attention_backward(*grads, dmask, *map(_rows_first, (q, k, v)), mask, out, lse, _rows_first(g), state, offset,
                         scale, diagonal=diagonal, dropout=dropout)
    return (*(x if x is None else _rows_first(x) for x in grads), dmask, None, None, None)


@op
def _self_attention(x: Array, mask: Array | None, scale: float, diagonal: int | None, dropout: float) -> Result[Array]:
    """Attention of the q, k and v in (B, T, 3, H, D); the result is (B, T, H, D)."""
    batch, length, _, heads, width = x.shape
    out, lse = empty((batch, length, heads, width), x.dtype), empty((batch, heads, length), x.dtype)
    state, offset = _reserve(lse, length, dropout)
    K.attention(out, lse, x[:, :, 0], x[:, :, 1], x[:, :, 2], mask, state, offset, scale, diagonal=diagonal,
                dropout=dropout)
    return out, gradient(_self_attention_gradients, x, mask, out, lse, state, offset, scale, diagonal, dropout)


def _self_attention_gradients(g: Array, needs: Sequence[bool], x: Array, mask: Array | None, out: Array, lse: Array,
                              state: Array | None, offset: int, scale: float, diagonal: int | None,
                              dropout: float) -> tuple[Array | None, ...]:
    dx, dmask = needed_arrays(needs, x.dtype, x.shape, (*lse.shape, x.shape[1]))
    grads = (None, None, None) if dx is None else (dx[:, :, 0], dx[:, :, 1], dx[:, :, 2])
    K.attention_backward(*grads, dmask, x[:, :, 0], x[:, :, 1], x[:, :, 2], mask, out, lse, g, state, offset, scale,
                         diagonal=diagonal, dropout=dropout)
    return dx, dmask, None, None, None


def self_attention(projected: Tensor, heads: int, mask: Tensor | None = None, dropout: float = 0.0,
                   diagonal: int | None = None, scale: float | None = None) -> Tensor:
    """Attention of queries, keys and values that one linear layer computed, whose gradient is one array.

    Args:
        projected: (B, T, 3 * E): the queries, keys and values, each of `heads` heads.
        heads: divides E.
        mask, dropout, diagonal, scale: as of `attend`.

    Returns:
        (B, T, E).
    """
    batch, length, width = projected.shape[0], projected.shape[1], projected.shape[2] // 3
    scale = _scale_of(width // heads) if scale is None else float(scale)
    if dropout == 1:
        return self_attention(projected, heads, mask, 0.0, diagonal, scale) * 0
    if mask is not None:
        mask = _as_scores(additive_mask(mask, projected), length)
    x = reshape(projected, batch, length, 3, heads, width // heads)
    return reshape(_self_attention(x, mask, scale, diagonal, float(dropout)), batch, length, width)


@op
def _cached_attention(projected: Array, cache: Array, seen: int) -> Result[Array]:
    batch, length, heads, width = projected.shape[0], projected.shape[1], cache.shape[2], cache.shape[4]
    x, end = contiguous(projected).reshape(batch, length, 3, heads, width), seen + length
    K.copy(cache[:, :, :, seen:end], x[:, :, 1:].transpose(2, 0, 3, 1, 4))
    out, lse = empty((batch, length, heads, width), x.dtype), empty((batch, heads, length), x.dtype)
    K.attention(out, lse, x[:, :, 0], *map(_rows_first, cache[:, :, :, :end]), None, None, 0, _scale_of(width),
                diagonal=None if length == 1 else seen)
    return out.reshape(batch, length, heads * width), None


def cached_attention(projected: Tensor, cache: Tensor, seen: int) -> Tensor:
    """Causal attention of the next positions of a sequence to all positions so far. It has no gradient.

    Args:
        projected: (B, T, 3 * H * D), the queries, keys and values of the next positions.
        cache: (2, B, H, capacity, D), the keys and the values of `seen` positions; those of `projected` are written
            after them.
        seen: number of positions.

    Returns:
        (B, T, H * D).
    """
    return _cached_attention(projected, cache, seen)


def _scale_of(width: int) -> float:
    return 1 / math.sqrt(width) if width else 1.0


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, dropout: float = 0.0,
           diagonal: int | None = None, scale: float | None = None) -> Tensor:
    """Attention whose shapes have been checked.

    Args:
        query: (B, H, Tq, D).
        key: (B, G, Tk, D); G divides H, and H // G adjacent heads share a head of keys.
        value: (B, G, Tk, E).
        mask: broadcasts to (B, H, Tq, Tk) and is added to the scores; bool: False is left out.
        dropout: probability.
        diagonal: query i attends to keys j <= i + diagonal only. 0 is causal attention; after `n` keys in a cache it
            is n.
        scale: factor of the scores; 1 / sqrt(D) by default.
    """
    scale = _scale_of(query.shape[3]) if scale is None else float(scale)
    if dropout == 1:
        return attend(query, key, value, mask, 0.0, diagonal, scale) * 0
    if mask is not None:
        mask = _as_scores(additive_mask(mask, query), key.shape[2])
    return _attention(query, key, value, mask, scale, diagonal, float(dropout))


def additive_mask(mask: Tensor, like: Tensor) -> Tensor:
    """A mask in the dtype of `like`, to be added to scores; False of a bool mask becomes -inf."""
    return where(mask, 0.0, -math.inf).to(like.dtype) if mask.dtype == dtypes.bool_ else mask


def _as_scores(mask: Tensor, keys: int) -> Tensor:
    """A mask as four dimensions, the last of which is that of the keys."""
    mask = reshape(mask, *(1,) * (4 - mask.ndim), *mask.shape)
    return mask if mask.shape[3] == keys else expand(mask, *mask.shape[:3], keys).contiguous()


def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:
    """Attention: softmax(scale * query @ key.T + mask) @ value, for each head.

    Computed by blocks, with memory linear in the lengths; blocks beyond the diagonal of causal attention are skipped.
    A query whose mask leaves out all keys has the result 0 and no gradient, as in PyTorch 2.5 and later. The heads of a
    (B, T, 3, H, D) view of one product are read where they are. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762;
    Dao 2023, https://arxiv.org/abs/2307.08691.

    Args:
        query: (..., H, Tq, D), or (Tq, D).
        key: (..., H, Tk, D); the leading dimensions broadcast.
        value: (..., H, Tk, E).
        attn_mask: broadcasts to (..., H, Tq, Tk). Bool: True takes part; floating-point: added to the scores.
        dropout_p: the probability with which a weight is zeroed, in training and in evaluation.
        is_causal: query i attends to keys j <= i.
        scale: factor of the scores; 1 / sqrt(D) by default.
        enable_gqa: `key` and `value` may have fewer heads, which adjacent heads of the query share.

    Returns:
        (..., H, Tq, E). In memory the heads come after the positions: `transpose(1, 2)` of it is contiguous.

    Raises:
        RuntimeError: shapes or dtypes that don't fit (both are named), or attn_mask together with is_causal.
        ValueError: dropout_p is outside [0, 1].

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> fastnet.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)
        tensor([[[1.    , 0.    ],
                 [0.3302, 0.6698]]])
    """
    name = "scaled_dot_product_attention"
    check_probability(name, dropout_p)
    if attn_mask is not None and is_causal:
        raise RuntimeError(f"{name}: expected either attn_mask or is_causal=True, got both")
    _check_arguments(name, query, key, value, attn_mask)
    lead = _leading_shape(name, query, key, value, enable_gqa)
    q, k, v = (_as_heads(x, lead, enable_gqa) for x in (query, key, value))
    if attn_mask is not None:
        attn_mask = _lead_mask(name, attn_mask, (*lead, query.shape[-2], key.shape[-2]))
    out = attend(q, k, v, attn_mask, dropout_p, 0 if is_causal else None, scale)
    return out if query.ndim == 4 else reshape(out, *lead, *out.shape[2:])


def _check_arguments(name: str, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    for argument, x in (("query", query), ("key", key), ("value", value)):
        check_floating(name, x, argument)
        if x.ndim < 2:
            raise RuntimeError(f"{name}: expected {argument} of at least two dimensions, got shape {shape_text(x)}")
        if x.dtype != query.dtype:
            raise RuntimeError(f"{name}: query is {query.dtype}, {argument} {x.dtype}; they must be the same")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"{name}: expected query (..., Tq, D), key (..., Tk, D) and value (..., Tk, E), got shapes "
                           f"{shape_text(query)}, {shape_text(key)} and {shape_text(value)}")
    if mask is not None and mask.dtype not in (dtypes.bool_, query.dtype):
        raise RuntimeError(f"{name}: expected attn_mask of dtype bool or {query.dtype}, got {mask.dtype}")


def _leading_shape(name: str, query: Tensor, key: Tensor, value: Tensor, shared: bool) -> Shape:
    """The dimensions of the result before the last two, broadcast; `shared`: heads of keys may be fewer."""
    shapes = [x.shape[:-2] for x in (query, key, value)]
    heads: Shape = ()
    if shared:
        if min(map(len, shapes)) < 1:
            raise RuntimeError(f"{name}: expected a dimension of heads for enable_gqa, got shapes {shape_text(query)}, "
                               f"{shape_text(key)} and {shape_text(value)}")
        q, k, v = (s[-1] for s in shapes)
        if k != v or (q % k if k else q):
            raise RuntimeError(f"{name}: expected the number of heads of key and value to divide that of query, got "
                               f"{k}, {v} and {q}")
        shapes, heads = [s[:-1] for s in shapes], (q,)
    try:
        return (*broadcast_shapes(broadcast_shapes(shapes[0], shapes[1]), shapes[2]), *heads)
    except ValueError:
        raise RuntimeError(f"{name}: the leading dimensions of query, key and value do not broadcast: "
                           f"{shape_text(query)}, {shape_text(key)} and {shape_text(value)}") from None


def _as_heads(x: Tensor, lead: Shape, shared: bool) -> Tensor:
    """x as (B, H, T, D)."""
    shape = (*lead[:-1], x.shape[-3]) if shared else lead
    if x.shape[:-2] != shape:
        x = expand(x, *shape, *x.shape[-2:])
    if x.ndim == 4:
        return x
    heads = shape[-1] if shape else 1
    return reshape(x, math.prod(shape[:-1]), heads, *x.shape[-2:])


def _lead_mask(name: str, mask: Tensor, shape: Shape) -> Tensor:
    """A mask whose leading dimensions are those of (B, H, Tq, Tk)."""
    try:
        fits = broadcast_shapes(mask.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(f"{name}: expected attn_mask to broadcast to {shape_text(shape)}, got shape "
                           f"{shape_text(mask)}")
    if len(shape) <= 4 or mask.ndim <= 3:
        return mask
    return reshape(expand(mask, *shape[:-3], *mask.shape[-3:]), math.prod(shape[:-3]), *mask.shape[-3:])
