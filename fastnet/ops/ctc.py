"""Decoding of class probabilities over time that were trained with the CTC loss."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.tensor import Tensor

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["CTCHypothesis", "ctc_beam_decode", "ctc_greedy_decode"]


class CTCHypothesis(NamedTuple):
    """Labels and the logarithm of their probability.

    Example:
        >>> CTCHypothesis([1, 2], -0.5).labels
        [1, 2]
    """

    labels: list[int]
    score: float


def _unpadded(name: str, log_probs: Tensor, input_lengths: Tensor | Sequence[int] | None, blank: int) -> list[Array]:
    """The log-probabilities of each sample, (steps, classes) in float64."""
    if not isinstance(log_probs, Tensor):
        raise not_a_tensor(name, "log_probs", log_probs)
    if log_probs.ndim != 3:
        raise RuntimeError(f"{name}: expected log_probs of shape (T, N, C), got {shape_text(log_probs)}")
    x = log_probs.detach().numpy().astype(np.float64)
    if not 0 <= blank < x.shape[2]:
        raise ValueError(f"{name}: expected blank to be a class from 0 to {x.shape[2] - 1}, got {blank}")
    lengths = [x.shape[0]] * x.shape[1] if input_lengths is None else [int(n) for n in input_lengths]
    if len(lengths) != x.shape[1] or not all(0 <= n <= x.shape[0] for n in lengths):
        raise ValueError(f"{name}: expected {x.shape[1]} input_lengths from 0 to {x.shape[0]}, got {lengths}")
    return [x[:length, n] for n, length in enumerate(lengths)]


def ctc_greedy_decode(log_probs: Tensor, input_lengths: Tensor | Sequence[int] | None = None,
                      blank: int = 0) -> list[list[int]]:
    """The labels of the most probable class at each step, without repetitions and blanks.

    Args:
        log_probs: (T, N, C), as for `fastnet.nn.functional.ctc_loss`.
        input_lengths: the number of steps of each sample; by default T.
        blank: the class that stands for no label.

    Returns:
        a list of labels for each sample.

    Raises:
        RuntimeError: another number of dimensions.
        ValueError: lengths beyond T, or a blank that is not a class.

    Example:
        >>> import fastnet
        >>> path = fastnet.tensor([[1], [1], [0], [1], [2]])        # classes over time, of one sample
        >>> fastnet.ops.ctc_greedy_decode(fastnet.nn.functional.one_hot(path, 3).float())
        [[1, 1, 2]]
    """
    found = []
    for x in _unpadded("ctc_greedy_decode", log_probs, input_lengths, blank):
        path = x.argmax(1) if len(x) else np.zeros(0, np.int64)
        first = np.append(True, path[1:] != path[:-1])[:len(path)]
        found.append(path[first & (path != blank)].tolist())
    return found


def ctc_beam_decode(log_probs: Tensor, input_lengths: Tensor | Sequence[int] | None = None, blank: int = 0,
                    beam_width: int = 16) -> list[list[CTCHypothesis]]:
    """The most probable label sequences, by prefix beam search: the probabilities of all their alignments are added.

    Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs",
    https://arxiv.org/abs/1408.2873.

    Args:
        log_probs, input_lengths, blank: as for `ctc_greedy_decode`.
        beam_width: the number of label sequences that are kept at each step.

    Returns:
        for each sample its hypotheses, the best one first.

    Raises:
        RuntimeError: another number of dimensions.
        ValueError: lengths beyond T, a blank that is not a class, or a beam width below 1.

    Example:
        >>> import fastnet
        >>> log_probs = fastnet.tensor([[[0.6, 0.4]], [[0.6, 0.4]]]).log()     # two steps, a blank and one label
        >>> fastnet.ops.ctc_greedy_decode(log_probs), fastnet.ops.ctc_beam_decode(log_probs)[0][0].labels
        ([[]], [1])
    """
    check_sizes("ctc_beam_decode", beam_width=beam_width)
    if beam_width < 1:
        raise ValueError(f"ctc_beam_decode: expected a beam_width of 1 or more, got {beam_width}")
    return [_search(x, blank, beam_width) for x in _unpadded("ctc_beam_decode", log_probs, input_lengths, blank)]


def _log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    low, high = (a, b) if a < b else (b, a)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def _search(x: Array, blank: int, beam_width: int) -> list[CTCHypothesis]:
    # prefix -> [log-probability of its alignments that end with a blank, of those that end with its last label]
    beams: dict[tuple[int, ...], list[float]] = {(): [0.0, -math.inf]}
    for row in x:
        after: dict[tuple[int, ...], list[float]] = {}
        likely = np.argsort(-row, kind="stable")[:beam_width + 1]
        labels = [(int(c), float(row[c])) for c in likely if c != blank and row[c] > -math.inf]
        for prefix, (ends_blank, ends_label) in beams.items():
            total = _log_add(ends_blank, ends_label)
            same = after.setdefault(prefix, [-math.inf, -math.inf])
            same[0] = _log_add(same[0], total + float(row[blank]))
            if prefix:
                same[1] = _log_add(same[1], ends_label + float(row[prefix[-1]]))
            for label, score in labels:
                longer = after.setdefault((*prefix, label), [-math.inf, -math.inf])
                repeated = bool(prefix) and prefix[-1] == label
                longer[1] = _log_add(longer[1], (ends_blank if repeated else total) + score)
        best = sorted(after.items(), key=lambda item: -_log_add(*item[1]))[:beam_width]
        beams = dict(best)
    ranked = sorted(((list(prefix), _log_add(*scores)) for prefix, scores in beams.items()), key=lambda item: -item[1])
    return [CTCHypothesis(*item) for item in ranked]
