"""Distances between vectors."""
from __future__ import annotations

from typing import TYPE_CHECKING

from fastnet._core.errors import shape_text
from fastnet.autograd import RESULT, gradient, on_tensors, op
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import check_tensors
from fastnet.functional.expansion import expand
from fastnet.functional.linear import matmul
from fastnet.functional.matrices import triu_indices
from fastnet.functional.norms import norm, safe_divisor
from fastnet.functional.shape import transpose, unsqueeze

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet._core.tensor import Tensor

__all__ = ["cdist", "pairwise_distance", "pdist"]

_FEW_ROWS = 25                                   # rows up to which distances are those of differences, as in PyTorch
_DISTANCE_MODES = {"use_mm_for_euclid_dist_if_necessary": None, "use_mm_for_euclid_dist": True,
                   "donot_use_mm_for_euclid_dist": False}


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension.

    Args:
        x1, x2: tensors that broadcast.
        p: the order of the norm.
        eps: added to each difference, so that the norm has a gradient at equal vectors.
        keepdim: keep the last dimension, with length 1.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.pairwise_distance(fastnet.tensor([[3.0, 4.0]]), fastnet.zeros(1, 2))
        tensor([5.])
    """
    check_tensors("pairwise_distance", x1=x1, x2=x2)
    return norm(x1 - x2 + eps, p, -1, keepdim)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows, in the order (0, 1), (0, 2), ..., (1, 2), ...

    Args:
        input: (n, d).
        p: the order of the norm.

    Raises:
        RuntimeError: not a matrix.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.pdist(fastnet.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
        tensor([5.    , 1.    , 4.2426])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist: expected a matrix, got shape {shape_text(input)}")
    if not p >= 0:
        raise RuntimeError(f"pdist: expected p to be 0 or more, got {p}")
    first, second = triu_indices(len(input), len(input), 1).unbind(0)
    return norm(input[first] - input[second], p, -1)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0,
          compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norm distance of each row of one matrix from each row of another: out[i][j] = |x1[i] - x2[j]|_p.

    Args:
        x1: (..., n, width).
        x2: (..., m, width); the leading dimensions broadcast.
        p: the order of the norm, 0 or more.
        compute_mode: PyTorch's names. Euclidean distances of more than 25 rows are those of
            |x|^2 + |y|^2 - 2 x y, a matrix product, which is less accurate for near rows.

    Raises:
        RuntimeError: integers, fewer than two dimensions, different widths or a negative p.

    Example:
        >>> import fastnet
        >>> fastnet.cdist(fastnet.tensor([[0.0, 0.0]]), fastnet.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([[5., 1.]])
    """
    for argument, x in (("x1", x1), ("x2", x2)):
        kernels.check_floating("cdist", x, argument)
        if x.ndim < 2:
            raise RuntimeError(f"cdist: expected {argument} of at least two dimensions, got shape {shape_text(x)}")
    if x1.shape[-1] != x2.shape[-1] or not p >= 0:
        raise RuntimeError(f"cdist: expected rows of one width and p of 0 or more, got shapes {shape_text(x1)} and "
                           f"{shape_text(x2)}, p={p}")
    if compute_mode not in _DISTANCE_MODES:
        raise ValueError(f"cdist: expected compute_mode to be one of {', '.join(_DISTANCE_MODES)}, got "
                         f"{compute_mode!r}")
    batch = kernels.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    x1, x2 = (expand(x, (*batch, *x.shape[-2:])) for x in (x1, x2))
    by_product = _DISTANCE_MODES[compute_mode]
    if by_product is None:
        by_product = x1.shape[-2] > _FEW_ROWS or x2.shape[-2] > _FEW_ROWS
    if x1.shape[-1] and p == 2 and by_product:
        product = matmul(x1, transpose(x2, -2, -1))
        squares = (x1 * x1).sum(-1, keepdim=True) + (x2 * x2).sum(-1).unsqueeze(-2) - product * 2
        return _root(squares)
    differences = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    return norm(differences, p, -1) if x1.shape[-1] else differences.sum(-1)


@op
def _root(x: Array) -> Result[Array]:
    """sqrt(max(x, 0)), with gradient 0 at 0."""
    out = kernels.unary("sqrt", kernels.unary("relu", x))
    return out, (gradient(_of_root, out),)


@on_tensors(lambda g, out: 0.5 * g / safe_divisor(out), RESULT)
def _of_root(g: Array, out: Array) -> Array:
    return kernels.scale(kernels.quotient(g, out), 0.5)
