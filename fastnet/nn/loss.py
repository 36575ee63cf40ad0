"""Loss modules. `reduction` is "none" (the loss of each element), "mean" (the default) or "sum".

The functions in `fastnet.nn.functional` document shapes, errors and gradients.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastnet._core.errors import one_of
from fastnet._core.tensor import Tensor
from fastnet.functional.loss import Reduction
from fastnet.nn import functional as F
from fastnet.nn.module import Module

__all__ = ["BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "Loss",
           "MSELoss", "NLLLoss", "SmoothL1Loss"]

_REDUCTIONS = ("none", "mean", "sum")


class Loss(Module):
    """Base class of the losses.

    Args:
        reduction: one of `reductions`.

    Raises:
        ValueError: an unknown reduction.
    """

    reductions: tuple[str, ...] = _REDUCTIONS
    reduction: Reduction

    def __init__(self, reduction: Any = "mean") -> None:
        super().__init__()
        if reduction not in self.reductions:
            raise one_of("reduction", reduction, self.reductions)
        self.reduction = reduction

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """Mean squared error, (input - target)^2: see `functional.mse_loss`.

    Args:
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.MSELoss()(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        tensor(2.)
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """Mean absolute error, |input - target|: see `functional.l1_loss`.

    Args:
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.L1Loss()(fastnet.tensor([1.0, 2.0]), fastnet.tensor([1.0, 4.0]))
        tensor(1.)
    """

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(Loss):
    """Squared error near the target, linear beyond `delta`: see `functional.huber_loss`.

    Huber 1964, https://doi.org/10.1214/aoms/1177703732.

    Args:
        reduction: "none", "mean" or "sum".
        delta: errors larger than this count linearly; positive.

    Raises:
        ValueError: a delta that is not positive, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.HuberLoss(reduction="sum")(fastnet.tensor([0.5, 3.0]), fastnet.zeros(2))
        tensor(2.625)
    """

    delta: float

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        if not delta > 0:
            raise ValueError(f"HuberLoss: expected a positive delta, got {delta}")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, delta={self.delta}"


class SmoothL1Loss(Loss):
    """Absolute error, smooth within `beta` of the target: see `functional.smooth_l1_loss`.

    Girshick 2015, https://arxiv.org/abs/1504.08083.

    Args:
        reduction: "none", "mean" or "sum".
        beta: errors smaller than this count quadratically; not negative.

    Raises:
        ValueError: a negative beta, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.SmoothL1Loss(reduction="sum", beta=2.0)(fastnet.tensor([1.0, 5.0]), fastnet.zeros(2))
        tensor(4.25)
    """

    beta: float

    def __init__(self, *, reduction: Reduction = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        if not beta >= 0:
            raise ValueError(f"SmoothL1Loss: expected a non-negative beta, got {beta}")
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, beta={self.beta}"


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits, numerically stable: see `functional.binary_cross_entropy_with_logits`.

    Args:
        weight: a factor for each element's loss; broadcast to the input.
        reduction: "none", "mean" or "sum".
        pos_weight: a factor for the positive examples; broadcast to the input.

    Example:
        >>> import fastnet
        >>> fastnet.nn.BCEWithLogitsLoss()(fastnet.zeros(2), fastnet.tensor([0.0, 1.0]))
        tensor(0.6931)
    """

    weight: Tensor | Any                # None without weights
    pos_weight: Tensor | Any

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean",
                 pos_weight: Tensor | None = None) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, reduction=self.reduction,
                                                  pos_weight=self.pos_weight)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities: see `functional.binary_cross_entropy`.

    Args:
        weight: a factor for each element's loss; broadcast to the input.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.BCELoss()(fastnet.tensor([0.5, 1.0]), fastnet.tensor([1.0, 1.0]))
        tensor(0.3466)
    """

    weight: Tensor | Any                # None without weights

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class CrossEntropyLoss(Loss):
    """Cross-entropy of logits and class labels or probabilities: see `functional.cross_entropy`.

    With class labels, the loss is -log softmax(input)[target].

    Args:
        weight: (C,), the weight of each class.
        ignore_index: a label whose elements are excluded from the loss.
        reduction: "none", "mean" or "sum".
        label_smoothing: between 0 and 1.

    Raises:
        ValueError: a label_smoothing below 0 or above 1, or an unknown reduction.

    Example:
        >>> import fastnet
        >>> fastnet.nn.CrossEntropyLoss()(fastnet.zeros(3, 2), fastnet.tensor([0, 1, 1]))
        tensor(0.6931)
    """

    weight: Tensor | Any                # None without weights
    ignore_index: int
    label_smoothing: float

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100,
                 reduction: Reduction = "mean", label_smoothing: float = 0.0) -> None:
        super().__init__(reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"CrossEntropyLoss: expected a label_smoothing between 0 and 1, got {label_smoothing}")
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
                               label_smoothing=self.label_smoothing)

    def extra_repr(self) -> str:
        smoothing = f", label_smoothing={self.label_smoothing}" if self.label_smoothing else ""
        return f"{super().extra_repr()}, ignore_index={self.ignore_index}{smoothing}"


class CTCLoss(Loss):
    """Connectionist temporal classification: see `functional.ctc_loss`.

    Args:
        blank: the class that stands for no label.
        reduction: "none", "mean" or "sum". "mean" divides each loss by the length of its target first.
        zero_infinity: replace infinite losses and their gradients by 0.

    Example:
        >>> import fastnet
        >>> log_probs = fastnet.zeros(4, 1, 3).log_softmax(2)
        >>> fastnet.nn.CTCLoss()(log_probs, fastnet.tensor([[1, 2]]), [4], [2])
        tensor(0.8432)
    """

    blank: int
    zero_infinity: bool

    def __init__(self, blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Tensor | Sequence[int] | int,
                target_lengths: Tensor | Sequence[int] | int) -> Tensor:
        return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
                          self.zero_infinity)

    def extra_repr(self) -> str:
        return f"blank={self.blank}, {super().extra_repr()}, zero_infinity={self.zero_infinity}"


class NLLLoss(Loss):
    """Negative log-likelihood of log-probabilities and class labels, -input[target]: see `functional.nll_loss`.

    Args:
        weight: (C,), the weight of each class.
        ignore_index: a label whose elements are excluded from the loss.
        reduction: "none", "mean" or "sum".

    Example:
        >>> import fastnet
        >>> fastnet.nn.NLLLoss()(fastnet.tensor([[-0.5, -1.0]]), fastnet.tensor([1]))
        tensor(1.)
    """

    weight: Tensor | Any                # None without weights
    ignore_index: int

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100,
                 reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, ignore_index={self.ignore_index}"


class KLDivLoss(Loss):
    """Kullback-Leibler divergence of log-probabilities from a target: see `functional.kl_div`.

    Args:
        reduction: "none", "mean", "sum" or "batchmean"; only "batchmean" matches the mathematical definition.
        log_target: the target holds log-probabilities.

    Example:
        >>> import fastnet
        >>> p = fastnet.tensor([[0.5, 0.5]])
        >>> fastnet.nn.KLDivLoss(reduction="batchmean")(p.log(), fastnet.tensor([[1.0, 0.0]]))
        tensor(0.6931)
    """

    reductions: tuple[str, ...] = (*_REDUCTIONS, "batchmean")

    log_target: bool

    def __init__(self, *, reduction: Literal["none", "mean", "sum", "batchmean"] = "mean",
                 log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, log_target={self.log_target}"
