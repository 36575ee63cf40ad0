"""Approximate softmax over many classes, whose rare ones share clusters."""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.functional.compare import where
from fastnet.functional.joining import cat
from fastnet.nn.containers import ModuleList, Sequential
from fastnet.nn.functional import cross_entropy, linear_cross_entropy, log_softmax
from fastnet.nn.linear import Linear
from fastnet.nn.module import Module

if TYPE_CHECKING:
    from fastnet._core.annotations import Device, DTypeLike

__all__ = ["ASMOutput", "AdaptiveLogSoftmaxWithLoss"]

_NO_CLASS = -1 << 62                     # marks rows whose target is not in a cluster


class ASMOutput(NamedTuple):
    """The result of `AdaptiveLogSoftmaxWithLoss`.

    Attributes:
        output: the log-probability of each target, (N,) or ().
        loss: minus their mean.
    """

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of many classes: frequent ones directly, rare ones by cluster and by class within it.

    log p(c) = log p(head)[c] for c < cutoffs[0], else log p(head)[cluster of c] + log p(cluster)[c]. Classes are sorted
    by frequency. Cluster i projects the input to in_features // div_value**(i+1) features, so its layer is small. Grave
    et al. 2017, "Efficient softmax approximation for GPUs", https://arxiv.org/abs/1609.04309.

    Every row passes through every cluster, in chunks that hold few logits, so that a compiled step does not depend on
    the targets; PyTorch computes a cluster for the rows with its targets only.

    Args:
        in_features: features of the input.
        n_classes: the number of classes.
        cutoffs: the first class of each cluster, in increasing order, from 1 to n_classes - 1.
        div_value: see above.
        head_bias: whether the head has a bias.
        device: "cpu".
        dtype: of the parameters, float32 by default.

    Shape:
        forward(input, target): (N, in_features) and (N,), or (in_features,) and (), to an `ASMOutput`.

    Raises:
        ValueError: cutoffs out of order or out of range.
        RuntimeError: when called, other shapes, or a target that is not a class.

    Example:
        >>> import fastnet
        >>> layer = fastnet.nn.AdaptiveLogSoftmaxWithLoss(8, 1000, cutoffs=[10, 100])
        >>> output, loss = layer(fastnet.zeros(2, 8), fastnet.tensor([3, 500]))
        >>> output.detach()
        tensor([-2.4849, -9.2873])
        >>> layer.log_prob(fastnet.zeros(2, 8)).shape, layer.predict(fastnet.zeros(2, 8)).shape
        ((2, 1000), (2,))
    """

    in_features: int
    n_classes: int
    cutoffs: list[int]
    div_value: float
    head_bias: bool

    def __init__(self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
                 head_bias: bool = False, device: Device = None, dtype: DTypeLike | None = None) -> None:
        super().__init__()
        given = list(cutoffs)
        if not given:
            raise ValueError("AdaptiveLogSoftmaxWithLoss: expected a sequence of cutoffs, got none")
        if (given != sorted(set(given)) or any(int(c) != c for c in given) or min(given) < 1
                or max(given) > n_classes - 1):
            raise ValueError("AdaptiveLogSoftmaxWithLoss: expected unique integers in increasing order from 1 to "
                             f"n_classes - 1 = {n_classes - 1} as cutoffs, got {given}")
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*given, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.saved_arguments = {"cutoffs": given}
        self.shortlist_size, self.n_clusters = given[0], len(given)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            self.tail.append(Sequential(Linear(in_features, width, False, device, dtype),
                                        Linear(width, high - low, False, device, dtype)))

    def reset_parameters(self) -> None:
        """Draw new initial weights."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> ASMOutput:
        if target.ndim > 1 or input.ndim != target.ndim + 1 or input.shape[:-1] != target.shape:
            raise RuntimeError("AdaptiveLogSoftmaxWithLoss: expected an input (N, in_features) and targets (N,), or "
                               f"(in_features,) and (), got {shape_text(input)} and {shape_text(target)}")
        rows, classes = (input, target) if target.ndim else (input.unsqueeze(0), target.unsqueeze(0))
        of_head, losses = classes, list[Tensor]()
        for i, ((low, high), cluster) in enumerate(zip(itertools.pairwise(self.cutoffs), self.tail)):
            inside = (classes >= low) & (classes < high)
            of_head = where(inside, self.shortlist_size + i, of_head)
            parts: Any = cluster
            narrow, wide = parts
            losses.append(linear_cross_entropy(narrow(rows), wide.weight, where(inside, classes - low, _NO_CLASS),
                                               reduction="none", ignore_index=_NO_CLASS))
        # a target that is no class must not look like one of the head's
        of_head = where(classes >= self.n_classes, self.head_size, of_head)
        try:
            loss = cross_entropy(self.head(rows), of_head, reduction="none", ignore_index=_NO_CLASS)
        except IndexError:
            raise RuntimeError(f"AdaptiveLogSoftmaxWithLoss: expected targets from 0 to {self.n_classes - 1}, got "
                               f"targets from {classes.min().item()} to {classes.max().item()}") from None
        for other in losses:
            loss = loss + other
        output = -loss
        return ASMOutput(output if target.ndim else output.squeeze(0), -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes, (N, n_classes).

        Args:
            input: (N, in_features).
        """
        head = log_softmax(self.head(input), 1)
        parts = [head[:, :self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(log_softmax(cluster(input), 1) + head[:, place:place + 1])
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row, int64 (N,).

        Args:
            input: (N, in_features).
        """
        return self.log_prob(input).argmax(1)
