"""Batches of classifiers: their kind, their predictions, and the checks on them."""
from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.backend import K

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["Batch", "classifier_batch", "expect_binary", "expect_numbers"]


class Batch(NamedTuple):
    """Outputs and targets of a classifier, without gradients.

    Attributes:
        kind: "classes": output (N, C), target (N,) int64, in range; "binary": both (N,); "labels": both (N, L). The
            targets of the last two kinds should be 0 and 1: see `expect_binary`.
        output: the logits.
        target: the targets.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.classes import Batch
        >>> Batch("binary", fastnet.ones(2), fastnet.ones(2)).kind
        'binary'
    """

    kind: Literal["classes", "binary", "labels"]
    output: Tensor
    target: Tensor

    def predicted(self) -> Tensor:
        """The class with the largest logit (the first of equal ones), or whether a logit is above 0."""
        return self.output.argmax(1) if self.kind == "classes" else self.output > 0

    def peak(self) -> Tensor:
        """The largest output; NaN if any output is NaN."""
        return self.output.amax() if self.output.numel() else self.output.sum()

    def classes(self) -> int:
        """The number of classes."""
        return self.output.shape[1] if self.kind == "classes" else 2


def classifier_batch(name: str, output: Tensor, target: Tensor, ignore_index: int | None = None) -> Batch:
    """Check the outputs and targets of a classifier, and find out which kind they are.

    Each pixel of an image is a sample: (N, C, H, W) with (N, H, W) becomes (N*H*W, C) with (N*H*W,).

    Args:
        name: name of the metric, for errors.
        output: logits, (N, C) or (N, C, ...) for C >= 2 classes, (N,) or (N, 1, ...) for two classes, (N, L) for L
            labels.
        target: integers (N, ...) from 0 to C - 1; or zeros and ones, (N,), (N, 1, ...) or (N, L).
        ignore_index: a number that targets of classes may have, too.

    Raises:
        ValueError: other shapes.
        TypeError: outputs that are not floating point, or class numbers that are not integers.
        IndexError: class number out of range.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.classes import classifier_batch
        >>> classifier_batch("accuracy", fastnet.zeros(2, 3), fastnet.tensor([0, 2])).kind
        'classes'
    """
    output, target = output.detach(), target.detach()
    if output.dtype.kind != "f":
        raise TypeError(f"{name}: expected logits as outputs, float32 or float64, got {output.dtype}")
    together = output.shape[:1] == target.shape[:1]
    if together and output.ndim > 1 and output.shape[1] > 1:
        if target.shape[1:] == output.shape[2:]:
            classes = _checked_classes(name, target, output.shape[1], ignore_index)
            return Batch("classes", _rows_of_classes(output), classes.reshape(-1))
        if target.shape == output.shape and output.ndim == 2:
            return Batch("labels", output, target)
    elif together and _is_column(output) and _is_column(target) and output.shape[2:] == target.shape[2:]:
        return Batch("binary", output.reshape(-1), target.reshape(-1))
    raise ValueError(f"{name}: expected outputs and targets of the shapes (N, C) and (N,) for classes, both (N,) or "
                     "(N, 1) for two classes, both (N, L) for labels, (N, C, ...) and (N, ...) for classes of pixels, "
                     f"or both (N, 1, ...) for two classes of pixels, got {shape_text(output)} and "
                     f"{shape_text(target)}")


def _is_column(x: Tensor) -> bool:
    return x.ndim == 1 or x.shape[1:2] == (1,)


def _rows_of_classes(output: Tensor) -> Tensor:
    """(N, C, ...) as (N * ..., C)."""
    return output if output.ndim == 2 else output.movedim(1, -1).reshape(-1, output.shape[1])


def _checked_classes(name: str, target: Tensor, count: int, ignore_index: int | None) -> Tensor:
    if target.dtype.kind == "f":
        raise TypeError(f"{name}: expected integers as class numbers, got {target.dtype}")
    target = target.to(dtypes.int64).contiguous()
    K.check_index(target._data, count, ignore_index, what="class")
    return target


# ---- checks that read values, so they run outside compiled functions -------------------------------------------------

def expect_numbers(name: str, peak: Array) -> None:
    """Raise if any output is NaN.

    Args:
        name: name of the metric, for the error.
        peak: the value of `Batch.peak`.

    Raises:
        ValueError: it is NaN.

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.classes import expect_numbers
        >>> expect_numbers("accuracy", np.float32(1.0))
    """
    if peak != peak:
        raise ValueError(f"{name}: expected numbers as outputs, got NaN")


def expect_binary(name: str, target: Array) -> None:
    """Raise if any target is not 0 or 1.

    Args:
        name: name of the metric, for the error.
        target: an array of any shape.

    Raises:
        ValueError: naming the first such target and its position.

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.classes import expect_binary
        >>> expect_binary("accuracy", np.array([0.0, 1.0]))
    """
    bad = (target != 0) & (target != 1)
    if bad.any():
        where = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
        raise ValueError(f"{name}: expected targets of 0 or 1, got {target[where]} at position "
                         f"{where[0] if len(where) == 1 else where}")
