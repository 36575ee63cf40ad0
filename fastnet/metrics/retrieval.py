"""Metrics of retrieval: how high the items that a query looks for stand among all items, by falling score."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from fastnet._core.construction import as_tensor
from fastnet._core.errors import one_of, shape_text, whole_number
from fastnet.metrics.classes import expect_binary
from fastnet.metrics.metric import Metric

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike
    from fastnet._core.tensor import Tensor

__all__ = ["RetrievalHitRate", "RetrievalMAP", "RetrievalMRR", "RetrievalMetric", "RetrievalNormalizedDCG",
           "RetrievalPrecision", "RetrievalRecall"]

EmptyTargetAction = Literal["neg", "skip", "error", "pos"]
_EMPTY_VALUES: dict[str, float | None] = {"neg": 0.0, "pos": 1.0, "skip": None, "error": None}


class RetrievalMetric(Metric):
    """Base class of the metrics of retrieval, which are means over queries.

    The names, arguments and values are torchmetrics'. A batch is given in one of two forms:

    - a row for each query: scores of all items (Q, M), and targets (Q, M), 1 for the items that the query looks for and
      0 for the others; or, if a query looks for one item, its number (Q,);
    - torchmetrics': scores (n,), targets (n,) and `indexes` (n,), the number of the query that each of them belongs to.
      The items of a query may be spread over batches.

    Of items with equal scores, the first one counts as the higher one.

    Args:
        empty_target_action: for queries without targets above 0: "neg" counts 0, "pos" counts 1, "skip" leaves them
            out, "error" raises.
        top_k: the number of items that count, those of the highest scores; None: all.
        name: the key in logs.

    Raises:
        ValueError: an unknown action, or top_k below 1; by `update`: shapes that do not match, scores that are NaN,
            targets that are not 0 or 1; by `compute`: a query without targets, with "error".
        IndexError: by `update`: an item's number out of range.
        RuntimeError: by `compute`: there was no query.

    Example:
        >>> import fastnet
        >>> class FirstIsRight(fastnet.metrics.RetrievalMetric):
        ...     name = "first_is_right"
        ...     def values(self, scores, targets, ranked):
        ...         return ranked[:, 0]
        >>> metric = FirstIsRight()
        >>> metric.update(fastnet.tensor([[0.9, 0.5], [0.2, 0.7]]), fastnet.tensor([0, 0]))
        >>> metric.compute()
        0.5
    """

    totals: tuple[str, ...] = ("total", "queries", "samples", "scores", "targets", "indexes")

    total: float                        # of the queries that are given as rows ...
    queries: int                        # ... and how many of them count
    samples: int                        # rows, or scores with an index
    scores: Array
    targets: Array
    indexes: Array

    def __init__(self, *, empty_target_action: EmptyTargetAction = "neg", top_k: int | None = None,
                 name: str | None = None) -> None:
        if empty_target_action not in _EMPTY_VALUES:
            raise one_of("empty_target_action", empty_target_action, get_args(EmptyTargetAction))
        self.empty_target_action: EmptyTargetAction = empty_target_action
        self.top_k = None if top_k is None else whole_number("top_k", top_k, 1)
        super().__init__(self._default_name() if name is None else name)

    def _default_name(self) -> str:
        return type(self).name if self.top_k is None else f"{type(self).name}_{self.top_k}"

    def reset(self) -> None:
        self.total, self.queries, self.samples = 0.0, 0, 0
        self.scores, self.targets = np.zeros(0), np.zeros(0)
        self.indexes = np.zeros(0, np.int64)

    def update(self, output: Tensor | ArrayLike, target: Tensor | ArrayLike,
               indexes: Tensor | ArrayLike | None = None) -> None:
        """Add a batch.

        Args:
            output: scores, (Q, M); with `indexes`, (n,).
            target: (Q, M), or the item's number (Q,); with `indexes`, (n,).
            indexes: the number of each score's query, integers (n,); None: each row is a query.

        Raises:
            ValueError, IndexError: see the class.
        """
        if indexes is None:
            super().update(output, target)
            return
        scores, targets, queries = (as_tensor(x).detach().numpy() for x in (output, target, indexes))
        if scores.ndim != 1 or scores.shape != targets.shape or scores.shape != queries.shape:
            raise ValueError(f"{self.name}: expected scores, targets and indexes of the shape (n,), got "
                             f"{shape_text(scores)}, {shape_text(targets)} and {shape_text(queries)}")
        if queries.dtype.kind not in "iu":
            raise ValueError(f"{self.name}: expected integers as indexes, got {queries.dtype}")
        self._check(scores, targets)
        self.samples += len(scores)
        self.scores = np.concatenate([self.scores, scores])
        self.targets = np.concatenate([self.targets, targets])
        self.indexes = np.concatenate([self.indexes, queries.astype(np.int64)])

    def measure(self, output: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        numbers = output.ndim == 2 and target.shape == output.shape[:1] and target.dtype.kind in "iu"
        if output.ndim != 2 or not (numbers or target.shape == output.shape):
            raise ValueError(f"{self.name}: expected scores (Q, M), and targets (Q, M) or the numbers of items (Q,), "
                             f"got {shape_text(output)} and {shape_text(target)}")
        return output.clone(), target.clone()

    def accumulate(self, output: Array, target: Array) -> None:
        relevant = target
        if target.ndim == 1:
            wrong = (target < 0) | (target >= output.shape[1])
            if wrong.any():
                raise IndexError(f"{self.name}: expected numbers of items from 0 to {output.shape[1] - 1}, got "
                                 f"{target[wrong.argmax()]} for query {wrong.argmax()}")
            relevant = np.arange(output.shape[1]) == target[:, None]
        self._check(output, relevant)
        total, queries = self._sum(output.astype(np.float64), relevant.astype(np.float64))
        self.total += total
        self.queries += queries
        self.samples += len(output)

    def compute(self) -> float:
        self._expect_some(self.samples)
        total, count = self.total, self.queries
        order = np.argsort(self.indexes, kind="stable")
        starts = np.unique(self.indexes[order], return_index=True)[1]
        for rows in np.split(order, starts[1:]) if len(order) else []:
            more, queries = self._sum(self.scores[None, rows], self.targets[None, rows])
            total, count = total + more, count + queries
        return total / count if count else 0.0

    def _sum(self, scores: Array, targets: Array) -> tuple[float, int]:
        """The sum of the values of queries, and how many count."""
        empty = ~(targets > 0).any(1)
        if empty.any() and self.empty_target_action == "error":
            raise ValueError(f"{self.name}: expected a target above 0 for each query, got none for query "
                             f"{empty.argmax()}")
        value = _EMPTY_VALUES[self.empty_target_action]
        known = ~empty
        order = np.argsort(-scores[known], 1, kind="stable")
        found = self.values(scores[known], targets[known], np.take_along_axis(targets[known], order, 1))
        if value is None:
            return float(found.sum()), int(known.sum())
        return float(found.sum() + value * empty.sum()), len(targets)

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        """The value of each query that has a target above 0, (Q,).

        Args:
            scores: (Q, M).
            targets: (Q, M).
            ranked: the targets by falling score, (Q, M).
        """
        raise NotImplementedError(f"{type(self).__name__} does not define values()")

    def _check(self, scores: Array, targets: Array) -> None:
        if np.isnan(scores).any():
            raise ValueError(f"{self.name}: expected numbers as scores, got NaN")
        self._check_targets(targets)

    def _check_targets(self, targets: Array) -> None:
        expect_binary(self.name, targets)


class RetrievalRecall(RetrievalMetric):
    """Recall at k: the share of the items that a query looks for among the k items of the highest scores.

    If each query looks for one item, it is the share of queries whose item is among the first k, the R@k of image-text
    retrieval.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalRecall(top_k=2)
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]]), fastnet.tensor([1, 2]))
        >>> metric.name, metric.compute()
        ('retrieval_recall_2', 0.5)
        >>> metric = fastnet.metrics.RetrievalRecall(top_k=2)
        >>> scores, targets = fastnet.tensor([0.2, 0.3, 0.5, 0.1]), fastnet.tensor([0, 1, 1, 1])
        >>> metric.update(scores, targets, indexes=fastnet.tensor([0, 0, 0, 1]))
        >>> metric.compute()
        1.0
    """

    name = "retrieval_recall"

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        return ranked[:, :self.top_k].sum(1) / ranked.sum(1)


class RetrievalHitRate(RetrievalMetric):
    """Hit rate at k: the share of queries with an item that they look for among the k items of the highest scores.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalHitRate(top_k=1)
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]]), fastnet.tensor([[1, 1, 0], [0, 1, 1]]))
        >>> metric.compute()
        0.5
    """

    name = "retrieval_hit_rate"

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        return np.asarray((ranked[:, :self.top_k] > 0).any(1), np.float64)


class RetrievalPrecision(RetrievalMetric):
    """Precision at k: the share of the k items of the highest scores that the query looks for.

    A query with fewer than k items lacks the others, which count as wrong.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalPrecision(top_k=2)
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1]]), fastnet.tensor([[1, 0, 1]]))
        >>> metric.compute()
        0.5
    """

    name = "retrieval_precision"

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        return ranked[:, :self.top_k].sum(1) / (self.top_k or ranked.shape[1])


class RetrievalMAP(RetrievalMetric):
    """Mean average precision: the mean, over the items looked for among the first k, of the precision down to them.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalMAP()
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1]]), fastnet.tensor([[1, 0, 1]]))
        >>> round(metric.compute(), 4)
        0.8333
    """

    name = "retrieval_map"

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        counted = ranked[:, :self.top_k] > 0
        precision = counted.cumsum(1) / np.arange(1, counted.shape[1] + 1)
        return (precision * counted).sum(1) / np.maximum(counted.sum(1), 1)


class RetrievalMRR(RetrievalMetric):
    """Mean reciprocal rank: 1 / r for the rank r of the first item that the query looks for; 0 if it is above k.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalMRR()
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1], [0.9, 0.5, 0.1]]), fastnet.tensor([0, 1]))
        >>> metric.compute()
        0.75
    """

    name = "retrieval_mrr"

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        counted = ranked[:, :self.top_k] > 0
        return np.where(counted.any(1), 1 / (counted.argmax(1) + 1), 0.0)


class RetrievalNormalizedDCG(RetrievalMetric):
    """Normalized discounted cumulative gain (scikit-learn's `ndcg_score`): DCG divided by that of the best order.

    With the targets t as gains, by falling score, DCG = sum over the ranks r = 1, ..., k of t[r] / log2(r + 1). Items
    of equal scores share the mean of their gains. Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418.

    Args:
        empty_target_action, top_k, name: see `RetrievalMetric`. Targets are numbers of 0 or more.

    Raises:
        ValueError: negative targets.

    Example:
        >>> import fastnet
        >>> metric = fastnet.metrics.RetrievalNormalizedDCG()
        >>> metric.update(fastnet.tensor([[0.9, 0.5, 0.1]]), fastnet.tensor([[1, 3, 0]]))
        >>> round(metric.compute(), 4)
        0.7967
    """

    name = "retrieval_ndcg"

    def _check_targets(self, targets: Array) -> None:
        if not (targets >= 0).all():
            raise ValueError(f"{self.name}: expected targets of 0 or more, got {targets.min()}")

    def values(self, scores: Array, targets: Array, ranked: Array) -> Array:
        discount = 1 / np.log2(np.arange(2, ranked.shape[1] + 2))
        discount[self.top_k or len(discount):] = 0
        best = (-np.sort(-targets, 1) * discount).sum(1)
        gains = [_tied_gain(s, t, discount) for s, t in zip(np.sort(-scores, 1), ranked)]
        return np.array(gains, np.float64) / np.asarray(best)


def _tied_gain(scores: Array, gains: Array, discount: Array) -> float:
    """The discounted gain of a query's items in the order of equal or rising `scores`; equal ones share their gains."""
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
    counts = np.diff(np.append(starts, len(scores)))
    shared = np.repeat(np.add.reduceat(gains, starts) / counts, counts)
    return float((shared * discount).sum())
