"""Losses of margins: hinges, triplets and their smooth forms, made of other operations.

`reduction` is "none" (the loss of each element or row), "mean" (the default) or "sum".
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.activation import logsigmoid, softplus
from fastnet.functional.compare import clamp_min, where
from fastnet.functional.dims import check_tensors
from fastnet.functional.distances import pairwise_distance
from fastnet.functional.loss import check_reduction, reduce_tensor
from fastnet.functional.ordering import minimum
from fastnet.functional.pointwise import sqrt

if TYPE_CHECKING:
    from fastnet.functional.loss import Reduction

__all__ = ["cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
           "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
           "triplet_margin_with_distance_loss"]


def hinge_embedding_loss(input: Tensor, target: Tensor, *, margin: float = 1.0,
                         reduction: Reduction = "mean") -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1.

    Args:
        input: distances.
        target: 1 or -1, in the shape of the input.
        margin: the distance from which dissimilar pairs have no loss.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.hinge_embedding_loss(fastnet.tensor([0.5, 0.25]), fastnet.tensor([1, -1]))
        tensor(0.625)
    """
    check_reduction(reduction)
    check_tensors("hinge_embedding_loss", input=input, target=target)
    losses = where(target != 1, clamp_min(margin - input, 0.0), 0.0) + where(target != -1, input, 0.0)
    return reduce_tensor(losses, reduction)


def margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0,
                        reduction: Reduction = "mean") -> Tensor:
    """max(0, -target * (input1 - input2) + margin): input1 shall rank above input2 where the target is 1.

    Args:
        input1, input2, target: tensors of one shape; the target is 1 or -1.
        margin: the least difference without a loss.
        reduction: "none", "mean" or "sum".

    Raises:
        RuntimeError: different numbers of dimensions.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> one = fastnet.ones(1)
        >>> fastnet.nn.functional.margin_ranking_loss(one, 3 * one, one)
        tensor(2.)
    """
    check_reduction(reduction)
    check_tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss: expected equal numbers of dimensions, got shapes "
                           f"{shape_text(input1)}, {shape_text(input2)} and {shape_text(target)}")
    return reduce_tensor(clamp_min(-target * (input1 - input2) + margin, 0.0), reduction)


def cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, *, margin: float = 0,
                          reduction: Reduction = "mean") -> Tensor:
    """1 - cos(input1, input2) where the target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1, input2: (N, D) or (D,).
        target: (N,) or 0-d, 1 or -1.
        margin: the cosine up to which dissimilar pairs have no loss.
        reduction: "none", "mean" or "sum".

    Raises:
        RuntimeError: other shapes.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> x, y = fastnet.tensor([[1.0, 0.0]]), fastnet.tensor([[0.0, 1.0]])
        >>> fastnet.nn.functional.cosine_embedding_loss(x, y, fastnet.tensor([1]))
        tensor(1.)
    """
    check_reduction(reduction)
    check_tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    if target.ndim not in (0, 1) or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError("cosine_embedding_loss: expected inputs (N, D) with a target (N,), or (D,) with a 0-d "
                           f"target, got shapes {shape_text(input1)}, {shape_text(input2)} and {shape_text(target)}")
    lengths = ((input1 * input1).sum(-1) + 1e-12) * ((input2 * input2).sum(-1) + 1e-12)
    cosine = (input1 * input2).sum(-1) / sqrt(lengths)
    losses = where(target == 1, 1 - cosine, where(target == -1, clamp_min(cosine - margin, 0.0), 0.0))
    return reduce_tensor(losses, reduction)


def triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, margin: float = 1.0, p: float = 2,
                        eps: float = 1e-6, swap: bool = False, reduction: Reduction = "mean") -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), where d is `pairwise_distance`.

    Balntas et al. 2016, http://www.bmva.org/bmvc/2016/papers/paper119/index.html.

    Args:
        anchor, positive, negative: (N, D) or (D,).
        margin: the least difference of the distances without a loss; positive.
        p: the order of the norm.
        eps: see `pairwise_distance`.
        swap: use d(positive, negative) where it is the smaller distance of the negative.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: an unknown reduction, or a margin that is not positive.
        RuntimeError: different numbers of dimensions.

    Example:
        >>> import fastnet
        >>> a = fastnet.zeros(1, 2)
        >>> fastnet.nn.functional.triplet_margin_loss(a, a, a + 0.1, p=1)
        tensor(0.8)
    """
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError("triplet_margin_loss: expected equal numbers of dimensions, got shapes "
                           f"{shape_text(anchor)}, {shape_text(positive)} and {shape_text(negative)}")
    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=lambda x, y: pairwise_distance(x, y, p, eps), margin=margin,
        swap=swap, reduction=reduction)


def triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *,
                                      distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
                                      margin: float = 1.0, swap: bool = False,
                                      reduction: Reduction = "mean") -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with any distance d.

    Args:
        anchor, positive, negative: (N, D) or (D,).
        distance_function: d; `pairwise_distance` by default.
        margin, swap, reduction: as in `triplet_margin_loss`.

    Raises:
        ValueError: an unknown reduction, or a margin that is not positive.

    Example:
        >>> import fastnet
        >>> a = fastnet.zeros(1, 2)
        >>> fastnet.nn.functional.triplet_margin_with_distance_loss(a, a, a + 2, distance_function=lambda x, y: (
        ...     (x - y).abs().sum(-1)))
        tensor(0.)
    """
    check_reduction(reduction)
    check_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not margin > 0:
        raise ValueError(f"triplet_margin_loss: expected a positive margin, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduce_tensor(clamp_min(near - far + margin, 0.0), reduction)


def multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *,
                      reduction: Reduction = "mean") -> Tensor:
    """sum over other classes i of max(0, margin - x[target] + x[i])^p / C.

    Args:
        input: scores, (N, C) or (C,).
        target: class labels, (N,) or 0-d, int64.
        p: 1 or 2.
        margin: the least difference of scores without a loss.
        weight: (C,), the weight of each class.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: p is neither 1 nor 2, a weight of more dimensions, or an unknown reduction.
        RuntimeError: other shapes.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.multi_margin_loss(fastnet.tensor([[0.5, 0.25]]), fastnet.tensor([0]))
        tensor(0.375)
    """
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: expected p to be 1 or 2, got {p}")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"multi_margin_loss: expected a weight of one dimension, got shape {shape_text(weight)}")
    rows, labels = _labelled_rows("multi_margin_loss", input, target, 1)
    if weight is not None and tuple(weight.shape) != (rows.shape[1],):
        raise RuntimeError(f"multi_margin_loss: expected a weight of shape ({rows.shape[1]},), got "
                           f"{shape_text(weight)}")
    labels = labels.reshape(-1, 1)
    losses = clamp_min(margin - rows.gather(1, labels) + rows, 0.0)
    losses = losses if p == 1 else losses * losses
    if weight is not None:
        losses = losses * weight[labels]
    losses = losses.scatter(1, labels, 0.0).sum(1) / rows.shape[1]
    return reduce_tensor(losses if input.ndim > 1 else losses.squeeze(0), reduction)


def _labelled_rows(name: str, input: Tensor, target: Tensor, fewer: int) -> tuple[Tensor, Tensor]:
    """An input (N, C) and its target, which has `fewer` dimensions less; both may come without N, or be numbers."""
    check_tensors(name, input=input, target=target)
    if input.ndim == target.ndim == 0:
        input, target = input.reshape(1, 1), target.reshape((1, 1)[fewer:])
    fits = input.ndim in (1, 2) and input.shape[-1] > 0 and target.shape == input.shape[:input.ndim - fewer]
    if not fits and not (input.ndim == 1 and fewer and tuple(target.shape) == (1,)):
        raise RuntimeError(f"{name}: expected an input (N, C) or (C,) and a target that fits, got shapes "
                           f"{shape_text(input)} and {shape_text(target)}")
    if target.dtype != dtypes.int64:
        raise RuntimeError(f"{name}: expected an int64 target, got {target.dtype}")
    return (input, target) if input.ndim == 2 else (input.unsqueeze(0), target.reshape(1, -1))


def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """sum over labels j and other classes i of max(0, 1 - x[j] + x[i]) / C.

    Args:
        input: scores, (N, C) or (C,).
        target: class labels in the shape of the input, int64; -1 ends the labels of a row.
        reduction: "none", "mean" or "sum".

    Raises:
        RuntimeError: other shapes, or labels out of range.
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> x, labels = fastnet.tensor([[0.1, 0.2, 0.4, 0.8]]), fastnet.tensor([[3, 0, -1, 1]])
        >>> fastnet.nn.functional.multilabel_margin_loss(x, labels)
        tensor(0.85)
    """
    check_reduction(reduction)
    rows, labels = _labelled_rows("multilabel_margin_loss", input, target, 0)
    listed = (labels >= 0).long().cumprod(1)                            # 1 before the first -1
    places = labels * listed
    is_label = listed.new_zeros(rows.shape).scatter_add(1, places, listed) > 0
    gaps = clamp_min(1 - rows.gather(1, places).unsqueeze(2) + rows.unsqueeze(1), 0.0)      # (N, label, class)
    counted = (listed > 0).unsqueeze(2) & ~is_label.unsqueeze(1)
    losses = where(counted, gaps, 0.0).sum((1, 2)) / rows.shape[1]
    return reduce_tensor(losses if input.ndim > 1 else losses.squeeze(0), reduction)


def multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, *,
                                reduction: Reduction = "mean") -> Tensor:
    """The mean over classes of the binary cross-entropy of logits.

    Args:
        input: logits, (N, C) or (..., C).
        target: 0 or 1, in the shape of the input.
        weight: a factor for the loss of each element; broadcasts.
        reduction: "none", "mean" or "sum", over rows.

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.multilabel_soft_margin_loss(fastnet.zeros(1, 2), fastnet.ones(1, 2))
        tensor(0.6931)
    """
    check_reduction(reduction)
    check_tensors("multilabel_soft_margin_loss", input=input, target=target)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    losses = losses if weight is None else losses * weight
    return reduce_tensor(losses.mean(-1), reduction)


def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """log(1 + exp(-target * input)), the logistic loss with a target of 1 or -1.

    Args:
        input, target: tensors of one shape.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.soft_margin_loss(fastnet.zeros(2), fastnet.ones(2))
        tensor(0.6931)
    """
    check_reduction(reduction)
    check_tensors("soft_margin_loss", input=input, target=target)
    return reduce_tensor(softplus(-target * input, 1.0, math.inf), reduction)
