"""Observers: modules that note the values of an activation and choose its scale and zero point."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.construction import tensor
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor
from fastnet.autograd import no_grad
from fastnet.functional.compare import where
from fastnet.functional.creation import full, zeros
from fastnet.functional.ordering import amax, amin, maximum, minimum
from fastnet.nn.module import Module
from fastnet.nn.parameter import new_buffer
from fastnet.nn.quantized.spec import QUANT_MAX, QUANT_MIN

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["OBSERVERS", "EntropyObserver", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver",
           "ObserverBase", "PerChannelMinMaxObserver", "PercentileObserver", "qparams_of_range"]

_INFINITY = float("inf")
_SMALLEST = float(np.finfo(np.float32).eps)
_MERGED = 128                           # levels that the divergence compares; a range has at least two bins for each


def qparams_of_range(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Scales and zero points of ranges, as tensors: see `fastnet.quantization.choose_qparams`.

    Args:
        low, high: the ends of each range.

    Returns:
        (scale, zero_point), float32 and int32.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.qat.observers import qparams_of_range
        >>> qparams_of_range(fastnet.tensor([-1.0]), fastnet.tensor([1.0]))
        (tensor([0.0078]), tensor([-1], dtype=int32))
    """
    low, high = low.clamp(max=0.0), high.clamp(min=0.0)
    scale = ((high - low) / (QUANT_MAX - QUANT_MIN)).clamp(min=_SMALLEST)
    return scale, (QUANT_MIN - low / scale).round().clamp(QUANT_MIN, QUANT_MAX).to(dtypes.int32)


class ObserverBase(Module):
    """Base class of observers of an activation: a call notes a tensor and returns it.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.MinMaxObserver()
        >>> _ = observer(fastnet.tensor([-1.0, 3.0]))
        >>> observer.range()
        (tensor([-1.]), tensor([3.]))
    """

    can_record = True                   # in functions under `fastnet.compile`

    def forward(self, input: Tensor) -> Tensor:
        if input.numel():
            with no_grad():
                self.note(input.detach())
        return input

    def note(self, input: Tensor) -> None:
        """Note the values of a tensor.

        Args:
            input: the tensor.
        """
        raise NotImplementedError

    def range(self) -> tuple[Tensor, Tensor]:
        """(low, high) that the integers should represent, (1,) each."""
        raise NotImplementedError

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """The scale and the zero point of the range, (1,) each."""
        return qparams_of_range(*self.range())


class MinMaxObserver(ObserverBase):
    """The range of all values that were seen.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.MinMaxObserver()
        >>> _ = observer(fastnet.tensor([0.0, 255.0]))
        >>> observer.calculate_qparams()
        (tensor([1.]), tensor([-128], dtype=int32))
    """

    min_val: Tensor
    max_val: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("min_val", tensor([_INFINITY]))
        self.register_buffer("max_val", tensor([-_INFINITY]))

    def note(self, input: Tensor) -> None:
        self.min_val.copy_(minimum(self.min_val, amin(input)))
        self.max_val.copy_(maximum(self.max_val, amax(input)))

    def range(self) -> tuple[Tensor, Tensor]:
        return self.min_val, self.max_val


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Moving averages of the least and the largest value of each batch.

    Args:
        averaging_constant: the share of the newest batch.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.MovingAverageMinMaxObserver(averaging_constant=0.5)
        >>> for high in (1.0, 3.0):
        ...     _ = observer(fastnet.tensor([0.0, high]))
        >>> observer.range()
        (tensor([0.]), tensor([2.]))
    """

    averaging_constant: float

    def __init__(self, averaging_constant: float = 0.01) -> None:
        super().__init__()
        self.averaging_constant = float(averaging_constant)

    def note(self, input: Tensor) -> None:
        for average, value in ((self.min_val, amin(input)), (self.max_val, amax(input))):
            moved = average + (value - average) * self.averaging_constant
            average.copy_(where(average.isinf(), value.reshape(1), moved))


class PerChannelMinMaxObserver(ObserverBase):
    """The largest magnitude of each channel that was seen, for weights: zero points are 0.

    Args:
        channels: their number.
        ch_axis: their dimension.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.PerChannelMinMaxObserver(2)
        >>> _ = observer(fastnet.tensor([[1.27, 0.0], [-12.7, 2.0]]))
        >>> observer.calculate_qparams()
        (tensor([0.01, 0.1 ]), tensor([0, 0], dtype=int32))
    """

    channels: int
    ch_axis: int
    max_val: Tensor

    def __init__(self, channels: int, ch_axis: int = 0) -> None:
        super().__init__()
        self.channels, self.ch_axis = channels, ch_axis
        self.register_buffer("max_val", full((channels,), 0.0))

    def note(self, input: Tensor) -> None:
        rows = input.abs().transpose(0, self.ch_axis).flatten(1) if input.ndim > 1 else input.abs().unsqueeze(1)
        self.max_val.copy_(maximum(self.max_val, amax(rows, 1)))

    def range(self) -> tuple[Tensor, Tensor]:
        return -self.max_val, self.max_val

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        return (self.max_val / QUANT_MAX).clamp(min=_SMALLEST), full((self.channels,), 0, dtype=dtypes.int32)


class HistogramObserver(ObserverBase):
    """Base class of observers that choose the range by a histogram of all values. They run outside of recordings only.

    Args:
        bins: of the histogram, over the range of the values that were seen.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.PercentileObserver(bins=16)
        >>> _ = observer(fastnet.linspace(0.0, 1.0, 100))
        >>> observer.counts.sum().item()
        100.0
    """

    bins: int
    counts: Tensor
    edges: Tensor
    can_record = False

    def __init__(self, bins: int = 2048) -> None:
        super().__init__()
        self.bins = bins
        self.register_buffer("counts", new_buffer(zeros, bins, dtype=dtypes.float32))
        self.register_buffer("edges", new_buffer(zeros, 2, dtype=dtypes.float32))

    def note(self, input: Tensor) -> None:
        forbid_in_recording(type(self).__name__)
        values = input.numpy().astype(np.float64, copy=False).ravel()
        before, (start, end) = self.counts.numpy(), self.edges.tolist()
        low, high = min(values.min(), start), max(values.max(), end)
        if not np.isfinite([low, high]).all():
            raise ValueError(f"{type(self).__name__}: expected finite values, got a range of {low} to {high}")
        if low == high:                 # only zeros so far
            high = low + _SMALLEST
        counts = np.histogram(values, self.bins, (low, high))[0].astype(np.float64)
        if before.any():                # earlier values move to the bins that hold the centres of theirs
            centres = start + (np.arange(self.bins) + 0.5) * (end - start) / self.bins
            counts += np.histogram(centres, self.bins, (low, high), weights=before)[0]
        self.counts.copy_(tensor(counts, dtype=dtypes.float32))
        self.edges.copy_(tensor([low, high], dtype=dtypes.float32))

    def limits(self, counts: Array) -> tuple[int, int]:
        """The first bin of the range, and the one after its last.

        Args:
            counts: of the values in each bin.
        """
        raise NotImplementedError

    def range(self) -> tuple[Tensor, Tensor]:
        if not self.counts.any():
            return tensor([_INFINITY]), tensor([-_INFINITY])
        (start, end), (first, last) = self.edges.tolist(), self.limits(self.counts.numpy())
        step = (end - start) / self.bins
        return tensor([start + first * step]), tensor([start + last * step])


class PercentileObserver(HistogramObserver):
    """The range between two percentiles of all values, so that outliers are clamped.

    Args:
        percentile: the share of the values inside the range, in percent; half of the rest lies on each side.
        bins: of the histogram.

    Example:
        >>> import fastnet
        >>> observer = fastnet.quantization.PercentileObserver(percentile=90.0)
        >>> _ = observer(fastnet.linspace(0.0, 1.0, 1001))
        >>> low, high = observer.range()
        >>> 0.04 < low.item() < 0.06, 0.94 < high.item() < 0.96
        (True, True)
    """

    percentile: float

    def __init__(self, percentile: float = 99.999, bins: int = 2048) -> None:
        super().__init__(bins)
        if not 0 < percentile <= 100:
            raise ValueError(f"PercentileObserver: expected a percentile above 0 and up to 100, got {percentile}")
        self.percentile = float(percentile)

    def limits(self, counts: Array) -> tuple[int, int]:
        cumulated = np.cumsum(counts) / counts.sum()
        outside = (1 - self.percentile / 100) / 2
        first = int(np.searchsorted(cumulated, outside, side="right"))
        last = int(np.searchsorted(cumulated, 1 - outside - 1e-12)) + 1
        return min(first, self.bins - 1), max(min(last, self.bins), first + 1)


class EntropyObserver(HistogramObserver):
    """The range whose levels lose the least information about the distribution of all values.

    Ranges around 0 of different lengths are compared by the Kullback-Leibler divergence of the histogram, with the
    values outside added to the ends, from the histogram of 128 levels. Migacz 2017, "8-bit inference with TensorRT".

    Args:
        bins: of the histogram.

    Example:
        >>> import fastnet
        >>> _ = fastnet.manual_seed(0)
        >>> observer = fastnet.quantization.EntropyObserver()
        >>> _ = observer(fastnet.cat([fastnet.randn(10_000), fastnet.tensor([60.0])]))
        >>> observer.range()[1].item() < 60
        True
    """

    def limits(self, counts: Array) -> tuple[int, int]:
        start, end = self.edges.tolist()
        zero = int(np.clip(np.rint(-start * self.bins / (end - start)), 0, self.bins))
        best, found = _INFINITY, (0, self.bins)
        for width in range(min(2 * _MERGED, self.bins), self.bins + 1, max(self.bins // 128, 1)):
            share = width / self.bins
            first, last = int(np.rint(zero * (1 - share))), int(np.rint(zero + (self.bins - zero) * share))
            loss = _divergence(counts, first, last)
            if loss < best:
                best, found = loss, (first, last)
        return found


def _divergence(counts: Array, first: int, last: int) -> float:
    """The divergence of the bins [first, last), with all values outside in its ends, from levels of several bins."""
    inside = counts[first:last]
    clipped = inside.copy()
    clipped[0] += counts[:first].sum()
    clipped[-1] += counts[last:].sum()
    levels = np.arange(len(inside)) * _MERGED // len(inside)
    filled = inside > 0
    total = np.bincount(levels, inside)
    number = np.maximum(np.bincount(levels, filled), 1)
    coarse = np.where(filled, (total / number)[levels], 0.0)
    p, q = clipped / clipped.sum(), coarse / max(coarse.sum(), 1.0)
    seen = p > 0
    return float((p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-12))).sum())


OBSERVERS: dict[str, Any] = {"MinMax": MinMaxObserver, "MovingAverage": MovingAverageMinMaxObserver,
                             "Percentile": PercentileObserver, "Entropy": EntropyObserver}
