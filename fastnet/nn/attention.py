"""Multi-head attention."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.attention import additive_mask, attend, self_attention
from fastnet.functional.compare import where
from fastnet.functional.creation import zeros
from fastnet.functional.joining import cat
from fastnet.nn import init
from fastnet.nn.functional import dropout as drop, linear, softmax
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module
from fastnet.nn.parameter import Parameter, new_parameter

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention with several heads, each on its part of linear maps of the query, the key and the value.

    softmax(q k' / sqrt(embed_dim / num_heads) + mask) v for each head, joined and mapped by `out_proj`. Vaswani et al.
    2017, https://arxiv.org/abs/1706.03762.

    With need_weights=False no array of (L, S) weights is made. A query whose mask leaves out all keys gets the weights
    0; PyTorch returns NaN for it if need_weights=True.

    Args:
        embed_dim: length of the query's and the output's last dimension, a multiple of num_heads.
        num_heads: number of heads.
        dropout: the probability with which a weight is zeroed during training.
        bias: add learned biases in the linear maps.
        add_bias_kv: append a learned key and a learned value to each sequence.
        add_zero_attn: append a key and a value of zeros to each sequence.
        kdim, vdim: length of the last dimension of the key and of the value; embed_dim by default.
        batch_first: inputs are (N, L, E) instead of (L, N, E).
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Raises:
        ValueError: embed_dim is not a multiple of num_heads, or one is not positive.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.MultiheadAttention(8, 2, batch_first=True)
        >>> x = fastnet.ones(4, 5, 8)
        >>> output, weights = layer(x, x, x)
        >>> output.shape, weights.shape
        ((4, 5, 8), (4, 5, 5))
    """

    embed_dim: int
    num_heads: int
    in_proj_weight: Parameter | Any     # None if the key or the value has another width
    q_proj_weight: Parameter | Any      # None otherwise, as the next two
    k_proj_weight: Parameter | Any
    v_proj_weight: Parameter | Any
    in_proj_bias: Parameter | Any       # None without biases
    bias_k: Parameter | Any             # None without add_bias_kv
    bias_v: Parameter | Any

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: Device = None,
                 dtype: DTypeLike | None = None) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0 or embed_dim % num_heads:
            raise ValueError("MultiheadAttention: expected embed_dim to be a positive multiple of num_heads, got "
                             f"embed_dim={embed_dim} and num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.bias, self.add_bias_kv, self.add_zero_attn = bias, add_bias_kv, add_zero_attn
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.head_dim = embed_dim // num_heads
        joint = self.kdim == embed_dim == self.vdim
        shapes = {"q_proj_weight": None if joint else (embed_dim, embed_dim),
                  "k_proj_weight": None if joint else (embed_dim, self.kdim),
                  "v_proj_weight": None if joint else (embed_dim, self.vdim),
                  "in_proj_weight": (3 * embed_dim, embed_dim) if joint else None,
                  "in_proj_bias": (3 * embed_dim,) if bias else None,
                  "bias_k": (1, 1, embed_dim) if add_bias_kv else None,
                  "bias_v": (1, 1, embed_dim) if add_bias_kv else None}
        for name in sorted(shapes, key=_ORDER.index):
            shape = shapes[name]
            self.register_parameter(name, new_parameter(*shape, device=device, dtype=dtype) if shape else None)
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial weights; the biases become 0."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
                need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """Attention of the query to the key and the value.

        Args:
            query: (L, N, E), with batch_first (N, L, E), or (L, E).
            key: (S, N, kdim), (N, S, kdim) or (S, kdim).
            value: (S, N, vdim), (N, S, vdim) or (S, vdim).
            key_padding_mask: (N, S) or (S,). Bool: True is left out; floating-point: added to the scores.
            need_weights: return the weights as well, which takes memory for (N, num_heads, L, S) of them.
            attn_mask: (L, S) or (N * num_heads, L, S). Bool: True is left out; floating-point: added to the scores.
            average_attn_weights: return the mean of the weights over the heads.
            is_causal: attn_mask is the causal mask, which is then computed instead of read.

        Returns:
            The output, in the shape of the query, and the weights: (N, L, S), or (N, num_heads, L, S) without
            average_attn_weights, without N for an input without; None if not needed.

        Raises:
            RuntimeError: shapes that don't fit, masks of other dtypes than bool and the query's, or is_causal without
                attn_mask.
        """
        self._check(query, key, value, attn_mask, is_causal)
        batched = query.ndim == 3
        same, shared = key is query and value is query, value is key
        query = self._batch_first(query)
        key = query if same else self._batch_first(key)
        value = key if shared else self._batch_first(value)
        mask, diagonal = self._masks(query, key, key_padding_mask, attn_mask, is_causal and not need_weights)
        rate = self.dropout if self.training else 0.0
        weights = None
        if self.in_proj_weight is not None and same and not (need_weights or self.add_bias_kv or self.add_zero_attn):
            out = self_attention(self.joint_projection(query), self.num_heads, mask, rate,
                                 diagonal)
        else:
            q, k, v = (self._heads(x) for x in self._extended(*self.projections(query, key, value)))
            mask = self._extended_mask(mask, k.shape[2])
            if need_weights:
                out, weights = _weighted(q, k, v, mask, rate)
            else:
                out = attend(q, k, v, mask, rate, diagonal)
            out = out.transpose(1, 2).reshape(*query.shape[:2], self.embed_dim)
        out = self.out_proj(out)
        if weights is not None and average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return out if self.batch_first else out.transpose(0, 1), weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, is_causal: bool) -> None:
        widths = (query.shape[-1:], key.shape[-1:], value.shape[-1:])
        if (query.ndim not in (2, 3) or key.ndim != query.ndim or value.ndim != query.ndim
                or key.shape[:-1] != value.shape[:-1] or widths != ((self.embed_dim,), (self.kdim,), (self.vdim,))
                or (query.ndim == 3 and query.shape[not self.batch_first] != key.shape[not self.batch_first])):
            form = "(N, L, E)" if self.batch_first else "(L, N, E)"
            raise RuntimeError(f"MultiheadAttention: expected query, key and value as {form} or (L, E), with "
                               f"{self.embed_dim}, {self.kdim} and {self.vdim} features, got shapes "
                               f"{shape_text(query)}, {shape_text(key)} and {shape_text(value)}")
        if is_causal and attn_mask is None:
            raise RuntimeError("MultiheadAttention: is_causal says that attn_mask is the causal mask; expected "
                               "attn_mask, got None")

    def _batch_first(self, x: Tensor) -> Tensor:
        if x.ndim == 2:
            return x.unsqueeze(0)
        return x if self.batch_first else x.transpose(0, 1)

    def joint_projection(self, input: Tensor) -> Tensor:
        """The linear maps of an input that is query, key and value at once, (..., 3 * embed_dim).

        Args:
            input: (..., embed_dim).
        """
        return linear(input, self.in_proj_weight, self.in_proj_bias)

    def projections(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The linear maps of query, key and value.

        Args:
            query, key, value: (..., embed_dim), (..., kdim) and (..., vdim).
        """
        width = self.embed_dim
        if self.in_proj_weight is not None and query is key is value:
            q, k, v = linear(query, self.in_proj_weight, self.in_proj_bias).split(width, -1)
            return q, k, v
        if self.in_proj_weight is None:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            weights = list(self.in_proj_weight.split(width))
        biases = [None] * 3 if self.in_proj_bias is None else list(self.in_proj_bias.split(width))
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
        return q, k, v

    def _extended(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With the learned key and value, and those of zeros."""
        batch = k.shape[0]
        if self.bias_k is not None:
            k = cat([k, self.bias_k.expand(batch, 1, self.embed_dim)], 1)
            v = cat([v, self.bias_v.expand(batch, 1, self.embed_dim)], 1)
        if self.add_zero_attn:
            nothing = zeros(batch, 1, self.embed_dim, dtype=k.dtype)
            k, v = cat([k, nothing], 1), cat([v, nothing], 1)
        return q, k, v

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], x.shape[1], self.num_heads, self.head_dim).transpose(1, 2)

    def _masks(self, query: Tensor, key: Tensor, padding: Tensor | None, mask: Tensor | None,
               causal: bool) -> tuple[Tensor | None, int | None]:
        """(the mask to be added to the scores, the diagonal of causal attention)."""
        batch, length, keys = query.shape[0], query.shape[1], key.shape[1]
        extended = self.add_bias_kv or self.add_zero_attn
        if mask is not None:
            _check_mask_dtype("attn_mask", mask, query)
            if mask.shape not in ((length, keys), (batch * self.num_heads, length, keys)):
                raise RuntimeError(f"MultiheadAttention: expected attn_mask of shape ({length}, {keys}) or "
                                   f"({batch * self.num_heads}, {length}, {keys}), got {shape_text(mask)}")
            if causal and padding is None and not extended:
                return None, 0
            mask = _left_out(mask, query)
            mask = mask if mask.ndim == 2 else mask.reshape(batch, self.num_heads, length, keys)
        if padding is None:
            return mask, None
        _check_mask_dtype("key_padding_mask", padding, query)
        if padding.shape not in ((batch, keys), (keys,)) or (padding.ndim == 1 and batch != 1):
            raise RuntimeError(f"MultiheadAttention: expected key_padding_mask of shape ({batch}, {keys}), got "
                               f"{shape_text(padding)}")
        padding = _left_out(padding, query).reshape(batch, 1, 1, keys)
        return padding if mask is None else mask + padding, None

    def _extended_mask(self, mask: Tensor | None, keys: int) -> Tensor | None:
        """The mask with zeros for the appended keys."""
        if mask is None or mask.shape[-1] == keys:
            return mask
        return cat([mask, zeros(*mask.shape[:-1], keys - mask.shape[-1], dtype=mask.dtype)], -1)

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, batch_first={self.batch_first}"


_ORDER = ["in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v"]


def _check_mask_dtype(argument: str, mask: Tensor, query: Tensor) -> None:
    if mask.dtype not in (dtypes.bool_, query.dtype):
        raise RuntimeError(f"MultiheadAttention: expected {argument} of dtype bool, where True is left out, or "
                           f"{query.dtype}, which is added to the scores, got {mask.dtype}")


def _left_out(mask: Tensor, like: Tensor) -> Tensor:
    """A mask to be added to scores; True of a bool mask becomes -inf."""
    return additive_mask(~mask if mask.dtype == dtypes.bool_ else mask, like)


def _weighted(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, rate: float) -> tuple[Tensor, Tensor]:
    """Attention, and its weights (N, H, L, S). A query that attends to nothing has the weights 0."""
    scores = (q * (1 / math.sqrt(q.shape[3]))) @ k.transpose(2, 3)
    if mask is None:
        weights = softmax(scores, -1)
    else:
        scores = scores + mask
        some = scores.amax(-1, keepdim=True).detach() > -math.inf
        weights = where(some, softmax(where(some, scores, 0.0), -1), 0.0)
    weights = drop(weights, rate)
    return weights @ v, weights
