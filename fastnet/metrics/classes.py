"""A classifier's batches: which kind they are, what is predicted, and what is refused."""
from typing import NamedTuple

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.tensor import Tensor
from fastnet.backend import K


class Batch(NamedTuple):
    """Outputs and targets off the tape.

    Attributes:
        kind: "classes": output (N, C), target (N,) int64, in range; "binary": both (N,); "labels": both (N, L). Targets
            of the last two should be 0 and 1: see `expect_binary`.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.classes import Batch
        >>> Batch("binary", fastnet.ones(2), fastnet.ones(2)).kind
        'binary'
    """

    kind: str
    output: Tensor
    target: Tensor

    def predicted(self):
        """The likeliest class (the first of equals), or whether a logit is above 0."""
        return self.output.argmax(1) if self.kind == "classes" else self.output > 0

    def peak(self):
        """The largest output: NaN if there is one, which would get lost in comparisons."""
        return self.output.amax() if self.output.numel() else self.output.sum()

    def classes(self):
        """The number of classes."""
        return self.output.shape[1] if self.kind == "classes" else 2


def read(name, output, target):
    """The Batch that a classifier's outputs and targets are.

    Args:
        name: the metric that reads it.
        output: logits, (N, C) for C >= 2 classes, (N,) or (N, 1) for two, (N, L) for L labels.
        target: integers (N,) from 0 to C - 1; zeros and ones, (N,) or (N, 1), or (N, L).

    Raises:
        ValueError: shapes that are none of these.
        TypeError: outputs that are no logits, or classes that are no integers.
        IndexError: a class out of range.

    Example:
        >>> import fastnet
        >>> from fastnet.metrics.classes import read
        >>> read("accuracy", fastnet.zeros(2, 3), fastnet.tensor([0, 2])).kind
        'classes'
    """
    output, target = output.detach(), target.detach()
    if output.dtype.kind != "f":
        raise TypeError(f"{name}: expected logits as outputs, float32 or float64, got {output.dtype}")
    together = output.shape[:1] == target.shape[:1]
    if together and output.ndim == 2 and output.shape[1] > 1:
        if target.ndim == 1:
            return Batch("classes", output, _checked_classes(name, target, output.shape[1]))
        if target.shape == output.shape:
            return Batch("labels", output, target)
    elif together and _is_column(output) and _is_column(target):
        return Batch("binary", output.reshape(-1), target.reshape(-1))
    raise ValueError(f"{name}: outputs of shape {shape_text(output)} and targets of shape {shape_text(target)} do not "
                     "fit: expected (N, C) and (N,) for classes, (N,) or (N, 1) for two, (N, L) both for labels")


def _is_column(x):
    return x.ndim == 1 or (x.ndim == 2 and x.shape[1] == 1)


def _checked_classes(name, target, count):
    if target.dtype.kind == "f":
        raise TypeError(f"{name}: expected integers as classes, got {target.dtype}")
    target = target.to(dtypes.int64).contiguous()
    K.check_index(target._data, count, what="class")
    return target


# ---- of arrays, once they may be read -------------------------------------------------------------------------------

def expect_numbers(name, peak):
    """Refuse outputs among which there is NaN.

    Args:
        name: the metric.
        peak: what `Batch.peak` told, an array.

    Raises:
        ValueError: it is NaN.

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.classes import expect_numbers
        >>> expect_numbers("accuracy", np.float32(1.0))
    """
    if peak != peak:
        raise ValueError(f"{name}: there is NaN among the outputs; expected numbers")


def expect_binary(name, target):
    """Refuse targets other than 0 and 1.

    Args:
        name: the metric.
        target: an array of any shape.

    Raises:
        ValueError: there is another; the first one is named.

    Example:
        >>> import numpy as np
        >>> from fastnet.metrics.classes import expect_binary
        >>> expect_binary("accuracy", np.array([0.0, 1.0]))
    """
    bad = (target != 0) & (target != 1)
    if bad.any():
        where = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
        raise ValueError(f"{name}: target {target[where]} at position {where[0] if len(where) == 1 else where}: "
                         "expected 0 or 1")
