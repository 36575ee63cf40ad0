"""Modules of the losses in functional/margin_losses.py, whose functions document shapes, errors and gradients."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnet._core.tensor import Tensor
from fastnet.functional.loss import Reduction
from fastnet.nn import functional as F
from fastnet.nn.loss import Loss

__all__ = ["CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
           "MultiLabelSoftMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginLoss",
           "TripletMarginWithDistanceLoss"]


class HingeEmbeddingLoss(Loss):
    """x where the target is 1, max(0, margin - x) where it is -1: see `functional.hinge_embedding_loss`.

    Args:
        margin: the distance from which dissimilar pairs have no loss.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.HingeEmbeddingLoss()(fastnet.tensor([0.5, 0.25]), fastnet.tensor([1, -1]))
        tensor(0.625)
    """

    margin: float

    def __init__(self, margin: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """max(0, -target * (input1 - input2) + margin): see `functional.margin_ranking_loss`.

    Args:
        margin: the least difference without a loss.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.MarginRankingLoss()(fastnet.ones(1), fastnet.full((1,), 3.0), fastnet.ones(1))
        tensor(2.)
    """

    margin: float

    def __init__(self, margin: float = 0.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """1 - cos of two vectors where the target is 1, max(0, cos - margin) where it is -1.

    See `functional.cosine_embedding_loss`.

    Args:
        margin: the cosine up to which dissimilar pairs have no loss.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.CosineEmbeddingLoss()(fastnet.eye(2)[:1], fastnet.eye(2)[1:], fastnet.tensor([1]))
        tensor(1.)
    """

    margin: float

    def __init__(self, margin: float = 0.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with p-norm distances.

    See `functional.triplet_margin_loss`.

    Args:
        margin: the least difference of the distances without a loss; positive.
        p: the order of the norm.
        eps: added to each difference.
        swap: use the distance of positive and negative where it is smaller.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: a margin that is not positive, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.TripletMarginLoss(p=1)(fastnet.zeros(1, 2), fastnet.zeros(1, 2), fastnet.full((1, 2), 0.1))
        tensor(0.8)
    """

    margin: float
    p: float
    eps: float
    swap: bool

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                 *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: expected a positive margin, got {margin}")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(anchor, positive, negative, margin=self.margin, p=self.p, eps=self.eps,
                                     swap=self.swap, reduction=self.reduction)


class SoftMarginLoss(Loss):
    """The logistic loss, log(1 + exp(-target * input)), with a target of 1 or -1: see `functional.soft_margin_loss`.

    Args:
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.SoftMarginLoss()(fastnet.zeros(2), fastnet.ones(2))
        tensor(0.6931)
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """Hinge loss of several labels: the sum of max(0, 1 - x[label] + x[other]) / C.

    See `functional.multilabel_margin_loss`.

    Args:
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.MultiLabelMarginLoss()(fastnet.tensor([[0.5, 0.25]]), fastnet.tensor([[0, -1]]))
        tensor(0.375)
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """Mean over classes of the binary cross-entropy of logits: see `functional.multilabel_soft_margin_loss`.

    Args:
        weight: (C,), a factor for each class.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.MultiLabelSoftMarginLoss()(fastnet.zeros(1, 2), fastnet.ones(1, 2))
        tensor(0.6931)
    """

    weight: Tensor | Any                # None without weights

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class MultiMarginLoss(Loss):
    """Hinge loss of classes, the sum of max(0, margin - x[target] + x[i])^p / C: see `functional.multi_margin_loss`.

    Args:
        p: 1 or 2.
        margin: the least difference of scores without a loss.
        weight: (C,), the weight of each class.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: p is neither 1 nor 2.

    Example:
        >>> import fastnet
        >>> fastnet.nn.MultiMarginLoss()(fastnet.tensor([[0.5, 0.25]]), fastnet.tensor([0]))
        tensor(0.375)
    """

    p: int
    margin: float
    weight: Tensor | Any                # None without weights

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *,
                 reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: expected p to be 1 or 2, got {p}")
        self.p, self.margin = p, margin
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class TripletMarginWithDistanceLoss(Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) with any distance d.

    Args:
        distance_function: a function of two tensors; `functional.pairwise_distance` by default.
        margin: the least difference of the distances without a loss; positive.
        swap: use the distance of positive and negative where it is smaller.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: the margin is not positive.

    Example:
        >>> import fastnet
        >>> x, y = fastnet.zeros(1, 2), fastnet.ones(1, 2)
        >>> fastnet.nn.TripletMarginWithDistanceLoss(distance_function=fastnet.nn.L1Loss())(x, x, y)
        tensor(0.)
    """

    margin: float
    swap: bool

    def __init__(self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0,
                 swap: bool = False, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: expected a positive margin, got {margin}")
        self.distance_function = F.pairwise_distance if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(anchor, positive, negative, margin=self.margin, swap=self.swap,
                                                   distance_function=self.distance_function, reduction=self.reduction)
