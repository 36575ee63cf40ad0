"""Positions of the elements of sequences: sinusoidal and rotary ones, and ALiBi's slopes."""
from __future__ import annotations

import math

import numpy as np

from fastnet._core.construction import from_numpy
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.joining import cat

__all__ = ["alibi_mask", "apply_rotary", "rotary_positions", "sinusoidal_positions"]


def sinusoidal_positions(length: int, width: int, base: float = 10000.0) -> Tensor:
    """Sines and cosines of each position, to be added to embeddings.

    p[t, 2i] = sin(t / base^(2i / width)), p[t, 2i + 1] = cos(t / base^(2i / width)). Vaswani et al. 2017,
    https://arxiv.org/abs/1706.03762.

    Args:
        length: number of positions.
        width: of the embeddings.
        base: the longest wavelength is 2 pi times this.

    Returns:
        (length, width), float32.

    Example:
        >>> import fastnet
        >>> fastnet.models.sinusoidal_positions(2, 2)
        tensor([[0.    , 1.    ],
                [0.8415, 0.5403]])
    """
    angles = np.arange(length)[:, None] / base ** (np.arange(0, width, 2) / max(width, 1))
    table = np.empty((length, width), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, :width // 2])
    return from_numpy(table)


def rotary_positions(length: int, width: int, base: float = 10000.0, start: int = 0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the angles by which `apply_rotary` turns each position.

    Angle i of position t is t / base^(2i / width), for i < width / 2; both halves of a row have the same angles. Su et
    al. 2021, https://arxiv.org/abs/2104.09864.

    Args:
        length: number of positions.
        width: of one head, even.
        base: the longest wavelength is 2 pi times this.
        start: the first position, such as the length of a key-value cache.

    Returns:
        two tensors (length, width), float32.

    Raises:
        ValueError: an odd width.

    Example:
        >>> import fastnet
        >>> cos, sin = fastnet.models.rotary_positions(2, 2)
        >>> cos
        tensor([[1.    , 1.    ],
                [0.5403, 0.5403]])
    """
    if width % 2:
        raise ValueError(f"rotary_positions: expected an even width, got {width}")
    angles = np.arange(start, start + length)[:, None] / base ** (np.arange(0, width, 2) / max(width, 1))
    angles = np.concatenate([angles, angles], 1)
    return from_numpy(np.cos(angles).astype(np.float32)), from_numpy(np.sin(angles).astype(np.float32))


def apply_rotary(input: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of features by the angle of their position: x * cos + half_turned(x) * sin.

    half_turned exchanges the halves (a, b) of the last dimension for (-b, a), as in GPT-NeoX and LLaMA.

    Args:
        input: queries or keys, (..., T, D) with even D.
        cos, sin: (T, D), from `rotary_positions`.

    Raises:
        RuntimeError: shapes that don't fit.

    Example:
        >>> import fastnet
        >>> cos, sin = fastnet.models.rotary_positions(2, 2)
        >>> fastnet.models.apply_rotary(fastnet.ones(2, 2), cos, sin)
        tensor([[ 1.    ,  1.    ],
                [-0.3012,  1.3818]])
    """
    width = input.shape[-1]
    if width % 2 or cos.shape != input.shape[-2:] or sin.shape != cos.shape:
        raise RuntimeError(f"apply_rotary: expected cos and sin of the shape of the last two dimensions of the input, "
                           f"the last even, got shapes {shape_text(input)}, {shape_text(cos)} and {shape_text(sin)}")
    turned = cat([-input[..., width // 2:], input[..., :width // 2]], -1)
    return input * cos + turned * sin


def alibi_mask(heads: int, queries: int, keys: int | None = None) -> Tensor:
    """The mask of attention with linear biases: -slope * distance for earlier keys, -inf for later ones.

    The slopes of 2^n heads are 2^(-8 / heads), 2^(-16 / heads), ...; other numbers of heads take those of the next
    power of 2 in between. The last query is aligned with the last key. Press et al. 2022,
    https://arxiv.org/abs/2108.12409.

    Args:
        heads: number of heads.
        queries: number of queries.
        keys: number of keys; by default that of the queries.

    Returns:
        (heads, queries, keys), float32: attn_mask of `scaled_dot_product_attention`.

    Example:
        >>> import fastnet
        >>> fastnet.models.alibi_mask(8, 2)[0]
        tensor([[ 0. , -inf],
                [-0.5,  0. ]])
    """
    keys = queries if keys is None else keys
    power = 2 ** math.floor(math.log2(heads)) if heads else 0
    slopes = [2.0 ** (-8 * (i + 1) / power) for i in range(power)]
    slopes += [2.0 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    distance = np.arange(keys)[None] - (np.arange(queries)[:, None] + keys - queries)
    mask = np.array(slopes)[:, None, None] * distance
    return from_numpy(np.where(distance > 0, -np.inf, mask).astype(np.float32))
