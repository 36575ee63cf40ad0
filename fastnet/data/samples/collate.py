"""Batches from lists of samples."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnet._core.construction import as_tensor, from_numpy, tensor
from fastnet._core.tensor import Tensor
from fastnet.dtypes import float64
from fastnet.functional.joining import stack

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of samples: tensors and arrays are stacked, numbers become a tensor, containers are collated by entry.

    Args:
        batch: samples of the same structure. Tuples and lists become lists, as in PyTorch; strings remain as they are.

    Raises:
        TypeError: samples of a class that has no place in a batch.
        RuntimeError: samples of different lengths or shapes.

    Example:
        >>> from fastnet.data.samples import default_collate
        >>> default_collate([(0, "a"), (1, "b")]), default_collate([{"x": 0.5}, {"x": 1.5}])
        ([tensor([0, 1]), ('a', 'b')], {'x': tensor([0.5, 1.5], dtype=float64)})
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked_tensors(batch)
    if isinstance(first, np.ndarray) and first.dtype.kind in "biuf":
        return _stacked([np.asarray(x) for x in batch])
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int | np.generic):
        return as_tensor(np.array(batch))
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        return _collated_sequences(first, batch)
    raise TypeError(f"default_collate: expected tensors, arrays, numbers, strings, dictionaries or lists, got "
                    f"{type(first).__name__}; give the DataLoader a collate_fn")


def _stacked_tensors(batch: Sequence[Tensor]) -> Tensor:
    if any(x._requires_grad for x in batch):
        return stack(list(batch))
    return _stacked([x._data for x in batch])


def _stacked(arrays: list[Any]) -> Tensor:
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        raise RuntimeError("default_collate: expected samples of equal shape, got "
                           f"{', '.join(map(str, sorted(shapes)))}; pad them, or give the DataLoader a collate_fn")
    # np.concatenate is faster than np.array or np.stack, but takes no 0-d arrays
    return as_tensor(np.concatenate(arrays).reshape(len(arrays), *arrays[0].shape) if arrays[0].ndim else
                     np.array(arrays))


def _like(container: Mapping[Any, Any], entries: dict[Any, Any]) -> Any:
    """The entries as a mapping of the same class, if that can be made of a dictionary."""
    try:
        return type(container)(entries)             # type: ignore[call-arg]
    except TypeError:
        return entries


def _collated_sequences(first: Sequence[Any], batch: Sequence[Sequence[Any]]) -> Any:
    if any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("default_collate: expected samples of equal length, got the lengths "
                           f"{', '.join(str(len(sample)) for sample in batch)}; give the DataLoader a collate_fn")
    entries = [default_collate(column) for column in zip(*batch)]
    return type(first)(*entries) if hasattr(first, "_fields") else entries


def default_convert(data: Any) -> Any:
    """A sample whose arrays are tensors; used if a DataLoader makes no batches.

    Args:
        data: a sample.

    Example:
        >>> import numpy as np
        >>> from fastnet.data.samples import default_convert
        >>> default_convert((np.zeros(2, np.float32), "a"))
        [tensor([0., 0.]), 'a']
    """
    if isinstance(data, np.ndarray) and data.dtype.kind in "biuf":
        return from_numpy(data)
    if isinstance(data, np.generic):
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        entries = [default_convert(value) for value in data]
        return type(data)(*entries) if hasattr(data, "_fields") else entries
    return data
