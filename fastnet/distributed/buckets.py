"""The gradients of parameters as few flat arrays, which the ranks exchange.

Gradients lie in the mirror of their parameters' arena, so the gradients of a model are a few contiguous runs of memory
already: a bucket is a view of a part of such a run, and nothing is copied. Buckets are in the order in which backward()
usually computes them, that of the last parameters first.
"""
from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.memory import aligned_size, location, mirrored
from fastnet._core.tensor import Tensor
from fastnet.autograd import SparseGradient
from fastnet.autograd.leaves import gradient_home
from fastnet.distributed.calls import all_gather_json
from fastnet.distributed.collectives import all_gather_arrays
from fastnet.distributed.transport import Transport

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet._core.memory import Block

__all__ = ["BUCKET_BYTES", "Buckets", "any_rank"]

_LAYOUT = "the layout of gradients, after parameters were added, frozen or unfrozen"
BUCKET_BYTES = 1 << 20                  # a bucket ends with the parameter that makes it this large


class _GradientPart:
    """The gradient of one parameter in its bucket.

    Attributes:
        block: the memory of the gradient's home.
        start: its place in the bucket, in elements.
    """

    __slots__ = ("block", "parameter", "start")

    def __init__(self, parameter: Tensor, block: Block, start: int) -> None:
        self.parameter, self.block, self.start = parameter, block, start

    def is_at_home(self) -> bool:
        """Whether the parameter has a gradient, in the memory that the bucket views."""
        p: Any = self.parameter
        return p._grad is not None and p._grad._data is p._grad_home and p._grad_home.base is self.block

    def within(self, flat: Array) -> Array:
        """The parameter's part of an array like the bucket."""
        p = self.parameter
        return flat[self.start:self.start + p.numel()].reshape(p.shape)


class _Bucket:
    """A run of gradients.

    Attributes:
        parts: in the order of memory.
        home: a flat view of the run, with the gaps of alignment between gradients, which are zero.
    """

    def __init__(self, parts: list[_GradientPart], home: Array) -> None:
        self.parts, self.home = parts, home

    def collected(self) -> Array:
        """The gradients as they are: the view, or a copy if a gradient is absent or elsewhere in memory."""
        if all(part.is_at_home() for part in self.parts):
            return self.home
        copy = np.zeros_like(self.home)
        for part in self.parts:
            gradient = _dense(part.parameter)
            if gradient is not None:
                part.within(copy)[...] = gradient
        return copy

    def store(self, flat: Array, present: Sequence[bool]) -> None:
        """Make these values the gradients of the parameters for which `present` is true."""
        for part, wanted in zip(self.parts, present):
            p = part.parameter
            if not wanted or (flat is self.home and part.is_at_home()):
                continue
            if p._grad is None:
                p.grad = Tensor._wrap(np.array(part.within(flat)))
            else:
                np.copyto(p._grad._data, part.within(flat))
        for part in self.parts:
            if part.parameter._grad is not None:
                part.parameter._grad._storage.version += 1


class Buckets:
    """The gradients of parameters, in flat arrays of the same lengths on all ranks.

    Args:
        parameters: of a model, which must be the same on all ranks, in the same order.
        transport: of this rank; None: alone.
    """

    def __init__(self, parameters: Iterable[Tensor], transport: Transport | None) -> None:
        self.parameters: list[Tensor] = [p for p in parameters if p.requires_grad]
        places = [_home_place(p) for p in self.parameters]
        starts = {i for i in range(len(places))
                  if i == 0 or not _follows(self.parameters[i - 1:i + 1], places[i - 1:i + 1])}
        if transport is not None:       # a rank with other parameters before these has other ends of chunks
            starts.update(*all_gather_json(transport, _LAYOUT, sorted(starts)))
        ends = [*sorted(starts)[1:], len(places)]
        self._buckets = [_bucket(self.parameters[i:j], places[i:j]) for run in zip(sorted(starts), ends)
                         for i, j in _bucket_runs(self.parameters, *run)][::-1]

    def __len__(self) -> int:
        return len(self._buckets)

    def are_of(self, parameters: Iterable[Tensor]) -> bool:
        """Whether these are the gradients of exactly the parameters that require one; a frozen one needs new buckets.

        Args:
            parameters: of the model, in the order of the constructor.
        """
        trained = [p for p in parameters if p.requires_grad]
        return len(trained) == len(self.parameters) and all(map(operator.is_, trained, self.parameters))

    @property
    def nbytes(self) -> int:
        """Bytes of all gradients together, with the gaps of alignment."""
        return sum(bucket.home.nbytes for bucket in self._buckets)

    def present(self) -> Array:
        """Whether each parameter has a gradient, as an array of bool."""
        return np.array([part.parameter._grad is not None for bucket in self._buckets for part in bucket.parts], bool)

    @property
    def groups(self) -> list[list[Tensor]]:
        """The parameters of each bucket."""
        return [[part.parameter for part in bucket.parts] for bucket in self._buckets]

    def is_at_home(self, number: int) -> bool:
        """Whether all gradients of a bucket lie in the memory of `home`.

        Args:
            number: of the bucket.
        """
        return all(part.is_at_home() for part in self._buckets[number].parts)

    def home(self, number: int) -> Array:
        """The memory of the gradients of a bucket, a flat array.

        Args:
            number: of the bucket.
        """
        return self._buckets[number].home

    def collected(self, number: int) -> Array:
        """The gradients of a bucket as they are, a flat array; absent gradients count as zero.

        Args:
            number: of the bucket.
        """
        return self._buckets[number].collected()

    def all_collected(self) -> list[Array]:
        """The results of `collected` of all buckets."""
        return [self.collected(number) for number in range(len(self))]

    def zeros(self) -> list[Array]:
        """Arrays of zeros like those of `collected`, one for each bucket."""
        return [np.zeros_like(bucket.home) for bucket in self._buckets]

    def store(self, arrays: Sequence[Array], present: Array) -> None:
        """Set the gradients.

        Args:
            arrays: like those of `collected`, one for each bucket, which may be these.
            present: which parameters have a gradient on some rank, see `present`.
        """
        place = 0
        for bucket, flat in zip(self._buckets, arrays):
            bucket.store(flat, present[place:place + len(bucket.parts)].tolist())
            place += len(bucket.parts)


def any_rank(transport: Transport, flags: Array) -> Array:
    """Which flags are set on any rank.

    Args:
        transport: of this rank.
        flags: an array of bool, of the same length on all ranks.
    """
    return np.logical_or.reduce(all_gather_arrays(transport, flags))


def _home_place(parameter: Tensor) -> tuple[Block, int]:
    """(block, byte offset) of the home of a parameter's gradient."""
    found = location(gradient_home(parameter))
    assert found is not None            # homes are contiguous
    return found[0], found[1]


def _follows(parameters: Sequence[Tensor], places: Sequence[tuple[Block, int]]) -> bool:
    """Whether the home of the second parameter's gradient follows that of the first, but for the gap of alignment."""
    before, after = parameters
    (block, offset), (other, other_offset) = places
    return block is other and before.dtype == after.dtype and other_offset == offset + aligned_size(before.nbytes)


def _bucket_runs(parameters: Sequence[Tensor], start: int, end: int) -> Iterator[tuple[int, int]]:
    """The run of parameters from `start` to `end`, cut so that each part but the first has at least BUCKET_BYTES."""
    cuts, size = [end], 0
    for i in range(end - 1, start, -1):
        size += parameters[i].nbytes
        if size >= BUCKET_BYTES:
            cuts.append(i)
            size = 0
    cuts.append(start)
    return zip(cuts[:0:-1], cuts[-2::-1])


def _bucket(parameters: list[Tensor], places: list[tuple[Block, int]]) -> _Bucket:
    (block, first), last, dtype = places[0], parameters[-1], parameters[0].dtype
    length = (places[-1][1] + last.nbytes - first) // dtype.itemsize
    parts = [_GradientPart(p, block, (offset - first) // dtype.itemsize) for p, (_, offset) in zip(parameters, places)]
    return _Bucket(parts, mirrored(block, first, (length,), dtype))


def _dense(parameter: Tensor) -> Array | None:
    gradient: Any = parameter._grad
    if isinstance(gradient, SparseGradient):
        raise TypeError("expected dense gradients, got a sparse one of shape "
                        f"{tuple(parameter.shape)}: make the embedding with sparse=False to train it on several ranks")
    return None if gradient is None else gradient._data

