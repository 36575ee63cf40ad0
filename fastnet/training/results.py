"""The results of batches: their exchange between ranks, so that all ranks know and add the same numbers."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import fastnet
from fastnet.distributed.collectives import all_gather_bytes
from fastnet.distributed.messages import packed_arrays, unpacked_arrays
from fastnet.training.running import Result

if TYPE_CHECKING:
    from fastnet._core.annotations import Array
    from fastnet.distributed.transport import Transport

__all__ = ["exchanged", "in_batch_order", "packed_results", "unpacked_results"]


def packed_results(results: Sequence[Result | None], about: Any = None, arrays: Sequence[Array] = ()) -> bytes:
    """Results as bytes.

    Args:
        results: of shards or batches; None for an empty one.
        about: a value for JSON that travels with them.
        arrays: arrays that travel with them.
    """
    outline: list[Any] = []
    parts: list[Any] = list(arrays)
    for r in results:
        if r is None:
            outline.append(None)
            continue
        outline.append([r.samples, r.weight is not None, [len(values) for values in r.measured]])
        parts.append(np.float64(r.loss))
        parts += [] if r.weight is None else [r.weight.numpy()]
        parts += [value.numpy() for values in r.measured for value in values]
    return packed_arrays(parts, [outline, about, len(arrays)])


def unpacked_results(data: bytes) -> tuple[list[Result | None], Any, list[Array]]:
    """(results, about, arrays) that `packed_results` packed.

    Args:
        data: the bytes.
    """
    parts, (outline, about, count) = unpacked_arrays(data)
    arrays, rest = parts[:count], iter(parts[count:])
    results: list[Result | None] = []
    for entry in outline:
        if entry is None:
            results.append(None)
            continue
        samples, weighted, lengths = entry
        loss = float(next(rest))
        weight = fastnet.from_numpy(next(rest)) if weighted else None
        results.append(Result(samples, loss, weight, [[fastnet.from_numpy(next(rest)) for _ in range(n)]
                                                      for n in lengths]))
    return results, about, arrays


def exchanged(transport: Transport | None, data: bytes) -> list[bytes]:
    """The bytes of all ranks, by rank.

    Args:
        transport: of this rank; None: alone.
        data: the bytes of this rank.
    """
    return [data] if transport is None else all_gather_bytes(transport, data)


def in_batch_order(transport: Transport, own: Iterator[Result]) -> Iterator[Result]:
    """The results of all ranks, where rank r has those of the batches r, r + size, r + 2 size, ...

    Args:
        transport: of this rank.
        own: the results of this rank.
    """
    while True:
        found = [result for data in exchanged(transport, packed_results([next(own, None)]))
                 for result in unpacked_results(data)[0]]
        for result in found:
            if result is None:
                return
            yield result
