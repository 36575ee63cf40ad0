"""The CTC loss, for sequences whose labels have no known places in time."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text
from fastnet._core.memory import empty
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.creation import arange
from fastnet.functional.dims import check_tensors
from fastnet.functional.kernel_calls import check_floating, contiguous
from fastnet.functional.keys import constant
from fastnet.functional.running import cumsum

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result
    from fastnet.functional.loss import Reduction

__all__ = ["ctc_loss"]


@op
def _ctc_losses(log_probs: Array, targets: Array, starts: Array, input_lengths: Array, target_lengths: Array,
                blank: int, longest: int, zero_infinity: bool) -> Result[Array]:
    x = contiguous(log_probs)
    steps, samples, classes = x.shape
    states = 2 * longest + 1
    where = tuple(contiguous(a) for a in (targets, starts, input_lengths, target_lengths))
    K.check_ctc(*where, steps, classes, states, blank)
    losses, alpha = empty((samples,), x.dtype), empty((samples, steps, states), x.dtype)
    K.ctc_loss(losses, alpha, x, *where, blank)
    out = losses
    if zero_infinity:
        out = kernels.masked(kernels.binary("ne", losses, kernels.scalar(np.inf, x.dtype), dtypes.bool_), losses)
    slope = gradient(_of_ctc_losses, x, *where, losses, alpha, blank, zero_infinity)
    return out, (slope, *(None,) * 7)


def _of_ctc_losses(g: Array, x: Array, targets: Array, starts: Array, input_lengths: Array, target_lengths: Array,
                   losses: Array, alpha: Array, blank: int, zero_infinity: bool) -> Array:
    dx = empty(x.shape, x.dtype)
    K.ctc_loss_backward(dx, x, targets, starts, input_lengths, target_lengths, losses, alpha, contiguous(g), blank,
                        zero_infinity)
    return dx


def _as_lengths(name: str, lengths: Tensor | Sequence[int] | int, samples: int, one: bool) -> Tensor:
    """Lengths as an int64 tensor (samples,)."""
    if isinstance(lengths, Tensor):
        if lengths.dtype.kind not in "iu":
            raise RuntimeError(f"ctc_loss: expected {name} to be integers, got {lengths.dtype}")
        found = lengths.long().reshape(-1)
    else:
        found = Tensor._wrap(constant(np.atleast_1d(np.asarray(lengths, np.int64))))
    if found.shape != (samples,):
        expected = "one number" if one else f"{samples} numbers, one for each sample of the batch,"
        raise RuntimeError(f"ctc_loss: expected {expected} as {name}, got shape {shape_text(found)}")
    return found


def ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Tensor | Sequence[int] | int,
             target_lengths: Tensor | Sequence[int] | int, blank: int = 0, reduction: Reduction = "mean",
             zero_infinity: bool = False) -> Tensor:
    """Connectionist temporal classification: -log of the total probability of all alignments of a target.

    An alignment gives a class for each step; without repetitions and then without blanks it is the target. Graves et
    al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf. The gradient is that of the logits whose `log_softmax`
    is log_probs, as in PyTorch.

    Args:
        log_probs: log-probabilities, (T, N, C), or (T, C) for one sample.
        targets: labels, integers: (N, S), padded; (sum of target_lengths,), one target after the other; or (S,) for
            one sample. The blank is not a label.
        input_lengths: the number of steps of each sample, at most T.
        target_lengths: the number of labels of each target. A target for which the input has too few steps (one for
            each label, and one between equal labels) has the loss inf.
        blank: the class that stands for no label.
        reduction: "none", "mean" or "sum". "mean" divides each loss by the length of its target first.
        zero_infinity: replace infinite losses and their gradients by 0.

    Raises:
        ValueError: lengths beyond the input or the targets, labels out of range (which, where), or an unknown
            reduction.
        RuntimeError: shapes or dtypes that do not fit.

    Example:
        >>> import fastnet
        >>> log_probs = fastnet.zeros(4, 1, 3).log_softmax(2)
        >>> fastnet.nn.functional.ctc_loss(log_probs, fastnet.tensor([[1, 2]]), [4], [2], reduction="sum")
        tensor(1.6864)
    """
    check_tensors("ctc_loss", log_probs=log_probs, targets=targets)
    check_floating("ctc_loss", log_probs, "log_probs")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"ctc_loss: expected reduction to be 'none', 'mean' or 'sum', got {reduction!r}")
    if targets.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: expected integers as targets, got {targets.dtype}")
    one = log_probs.ndim == 2
    if log_probs.ndim not in (2, 3):
        raise RuntimeError("ctc_loss: expected log_probs of shape (T, N, C), or (T, C) for one sample, got "
                           f"{shape_text(log_probs)}")
    batch = log_probs.unsqueeze(1) if one else log_probs
    samples, classes = batch.shape[1:]
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: expected blank to be a class from 0 to {classes - 1}, got {blank}")
    steps, lengths = (_as_lengths(name, given, samples, one) for name, given in (
        ("input_lengths", input_lengths), ("target_lengths", target_lengths)))
    starts, longest = _places_of_targets(targets, lengths, samples, one)
    losses = _ctc_losses(batch, targets.long().reshape(-1), starts, steps, lengths, blank, longest, bool(zero_infinity))
    if reduction == "mean":
        return (losses / lengths.clamp(min=1).to(losses.dtype)).mean()
    return losses.sum() if reduction == "sum" else losses.squeeze(0) if one else losses


def _places_of_targets(targets: Tensor, lengths: Tensor, samples: int, one: bool) -> tuple[Tensor, int]:
    """The place of the first label of each target among all of them, int64, and a bound of their lengths."""
    if targets.ndim == 1 and not one:
        starts, longest = cumsum(lengths, 0) - lengths, targets.shape[0]
        if state.recorder is None:
            given = lengths._data
            if given.sum() != longest:
                raise RuntimeError(f"ctc_loss: expected {given.sum()} labels, the sum of target_lengths, got {longest}")
            longest = int(given.max()) if given.size else 0
        return starts, longest
    if targets.ndim == 1:
        return Tensor._wrap(kernels.full((1,), 0, dtypes.int64)), targets.shape[0]
    if targets.ndim != 2 or targets.shape[0] != samples:
        raise RuntimeError(f"ctc_loss: expected targets of shape ({samples}, S), or all labels in one dimension, got "
                           f"{shape_text(targets)}")
    return arange(samples) * targets.shape[1], targets.shape[1]
