"""Batches of sequences of different lengths: packed without padding, or padded to one length."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastnet._core.errors import not_a_tensor, one_of, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_reading, state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.axis_tables import constant
from fastnet.functional.joining import cat
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Result

__all__ = [
    "PackedSequence", "invert_permutation", "number_of_sequences", "pack_padded_sequence", "pack_sequence",
    "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence",
]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """Sequences of different lengths without padding, ordered by time step. Made by the functions of this module.

    Attributes:
        data: (sum of the lengths, ...), the first elements of all sequences, then the second ones, and so on.
        batch_sizes: int64, the number of sequences at each time step.
        sorted_indices: the positions of the packed sequences in the batch, longest first; None if it was sorted.
        unsorted_indices: the inverse of sorted_indices.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils.rnn import pack_sequence
        >>> packed = pack_sequence([fastnet.tensor([1.0, 2.0, 3.0]), fastnet.tensor([4.0, 5.0])])
        >>> packed.data, packed.batch_sizes
        (tensor([1., 4., 2., 5., 3.]), tensor([2, 2, 1]))
    """

    __slots__ = ()

    def __new__(cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
                unsorted_indices: Tensor | None = None) -> PackedSequence:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The sequences with `data.to(*args, **kwargs)`."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def float(self) -> PackedSequence:
        """The sequences in float32."""
        return self._replace(data=self.data.float())

    def double(self) -> PackedSequence:
        """The sequences in float64."""
        return self._replace(data=self.data.double())

    def cpu(self) -> PackedSequence:
        """The sequences themselves."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: tensors lie in the memory of the CPU."""
        return False


def number_of_sequences(packed: PackedSequence) -> int:
    """The number of sequences in a PackedSequence.

    Raises:
        RuntimeError: inside a compiled function, if a sequence without sorted_indices came from outside, since the
            number would be that of the recorded run in every replay.
    """
    sizes, recorder = packed.batch_sizes, state.recorder
    if packed.sorted_indices is not None:
        return packed.sorted_indices.shape[0]
    if recorder is not None and recorder.is_constant(sizes):
        return int(sizes._data[0])
    return int(sizes[0].item())


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The inverse of a permutation: result[permutation[i]] is i. None stays None.

    Args:
        permutation: int64, each of 0 to n - 1 once.

    Example:
        >>> import fastnet
        >>> fastnet.nn.utils.rnn.invert_permutation(fastnet.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


# ---- packing --------------------------------------------------------------------------------------------------------

@op
def _packed_or_padded(x: Array, index: Array, inverse: Array) -> Result[Array]:
    """x[index] over the first dimension, 0 where an index is -1. `inverse` has the place of each row of x, or -1."""
    return _rows_at(x, index), (gradient(_rows_at, inverse), None, None)


def _rows_at(x: Array, index: Array) -> Array:
    rows = contiguous(x).reshape(x.shape[0], -1) if x.size else empty((x.shape[0], 0), x.dtype)
    out = empty((index.size, rows.shape[1]), x.dtype)
    K.embedding(out, rows, index)
    return out.reshape(index.size, *x.shape[1:])


def _tensor_of(values: Array) -> Tensor:
    """A tensor of constants; a recording keeps it."""
    return Tensor._wrap(constant(np.asarray(values, np.int64)))


def _packed_places(lengths: Array, steps: int, batch_first: bool) -> tuple[Array, Array, Array]:
    """(numbers of sequences at each step, padded place of each packed row, packed place of each padded row or -1).

    `lengths` do not increase.
    """
    active = np.arange(steps)[:, None] < lengths[None]                     # (T, B)
    places = np.arange(steps * len(lengths))
    padded = places.reshape(len(lengths), steps).T if batch_first else places.reshape(steps, len(lengths))
    index = padded[active]
    inverse = np.full(places.size, -1)
    inverse[index] = np.arange(index.size)
    sizes = active.sum(1)
    return sizes[sizes > 0], index, inverse


def _checked_lengths_of(name: str, lengths: Any, batch: int, steps: int) -> Array:
    """The lengths of a batch as an array, checked."""
    if isinstance(lengths, Tensor):
        forbid_reading(f"{name} with lengths as a tensor", "every replay would use the lengths of the recorded run. "
                       "Pass a list of integers. Each list has its own recording.")
        lengths = lengths.tolist()
    values = np.asarray(list(lengths))
    if values.shape != (batch,) or (values.dtype.kind not in "iu" and values.size):
        raise RuntimeError(f"{name}: expected {batch} lengths, one integer for each sequence of the batch, got "
                           f"{values.tolist()}")
    for i, length in enumerate(values):
        if not 1 <= length <= steps:
            raise RuntimeError(f"{name}: expected lengths from 1 to {steps}, the number of steps of the input, got "
                               f"{length} for sequence {i}")
    return values.astype(np.int64)


def pack_padded_sequence(input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Pack a padded batch of sequences.

    Args:
        input: (T, B, ...), or (B, T, ...) with batch_first.
        lengths: the length of each sequence, from 1 to T. Inside a compiled function, a list of integers.
        batch_first: the order of the first two dimensions.
        enforce_sorted: require that lengths do not increase; otherwise the batch is sorted by length.

    Raises:
        RuntimeError: lengths that are out of order, 0, greater than T, or not one for each sequence.

    Example:
        >>> import fastnet
        >>> padded = fastnet.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]])
        >>> fastnet.nn.utils.rnn.pack_padded_sequence(padded, [3, 2], batch_first=True).data
        tensor([1., 4., 2., 5., 3.])
    """
    name = "pack_padded_sequence"
    if not isinstance(input, Tensor):
        raise not_a_tensor(name, "input", input)
    if input.ndim < 2:
        raise RuntimeError(f"{name}: expected an input of shape {'(B, T, ...)' if batch_first else '(T, B, ...)'}, got "
                           f"{shape_text(input)}")
    batch, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    values = _checked_lengths_of(name, lengths, batch, steps)
    order = None
    if enforce_sorted:
        for i in range(1, batch):
            if values[i] > values[i - 1]:
                raise RuntimeError(f"{name}: expected lengths that do not increase, got {values[i]} after "
                                   f"{values[i - 1]} for sequence {i}; pass enforce_sorted=False to sort the batch")
    else:
        order = np.argsort(-values, kind="stable")
        values = values[order]
    sizes, index, inverse = _packed_places(values, steps, batch_first)
    if order is not None:
        index = _from_sorted(index, order, steps, batch_first)
        inverse = np.full(inverse.size, -1)
        inverse[index] = np.arange(index.size)
    rows = input.reshape(steps * batch, *input.shape[2:])
    data = _packed_or_padded(rows, _tensor_of(index), _tensor_of(inverse))
    if order is None:
        return PackedSequence(data, _tensor_of(sizes))
    return PackedSequence(data, _tensor_of(sizes), _tensor_of(order), _tensor_of(np.argsort(order)))


def _from_sorted(index: Array, order: Array, steps: int, batch_first: bool) -> Array:
    """The places in a batch of the places in the sorted batch."""
    if batch_first:
        return order[index // steps] * steps + index % steps
    return index // len(order) * len(order) + order[index % len(order)]


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """Pad packed sequences to the length of the longest: the inverse of `pack_padded_sequence`.

    Args:
        sequence: from `pack_padded_sequence`, `pack_sequence` or a recurrent layer.
        batch_first: return (B, T, ...), not (T, B, ...).
        padding_value: the value of elements after the end of a sequence.
        total_length: T, at least the length of the longest sequence.

    Returns:
        The padded batch, and the lengths (B,), int64. Both have the batch's order before packing.

    Raises:
        ValueError: total_length is smaller than the longest sequence.
        RuntimeError: inside a compiled function, sequences that were packed outside.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils.rnn import pack_sequence, pad_packed_sequence
        >>> packed = pack_sequence([fastnet.tensor([1.0, 2.0, 3.0]), fastnet.tensor([4.0, 5.0])])
        >>> pad_packed_sequence(packed, batch_first=True)
        (tensor([[1., 2., 3.],
                [4., 5., 0.]]), tensor([3, 2]))
    """
    sizes = _values(sequence.batch_sizes)
    steps, batch = len(sizes), int(sizes[0]) if len(sizes) else 0
    total = steps if total_length is None else total_length
    if total < steps:
        raise ValueError(f"pad_packed_sequence: expected total_length to be at least {steps}, the length of the "
                         f"longest sequence, got {total_length}")
    lengths = (sizes[:, None] > np.arange(batch)[None]).sum(0)
    _, index, inverse = _packed_places(lengths, total, batch_first)
    if sequence.sorted_indices is not None:
        order = _values(sequence.sorted_indices)
        index = _from_sorted(index, order, total, batch_first)
        inverse = np.full(inverse.size, -1)
        inverse[index] = np.arange(index.size)
        lengths = lengths[np.argsort(order)]
    rows = _packed_or_padded(sequence.data, _tensor_of(inverse), _tensor_of(index))
    rows = rows.reshape(*((batch, total) if batch_first else (total, batch)), *sequence.data.shape[1:])
    if padding_value != 0:
        missing = Tensor._wrap(constant((inverse < 0).reshape(rows.shape[:2] + (1,) * (rows.ndim - 2))))
        rows = rows.masked_fill(missing, padding_value)
    return rows, _tensor_of(lengths)


def _values(t: Tensor) -> Array:
    """The numbers of a tensor of integers; inside a compiled function, only of one that was made there."""
    recorder = state.recorder
    if recorder is not None and recorder.is_constant(t):
        return t._data
    return np.array(t.tolist(), np.int64)


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths.

    Args:
        sequences: tensors (length, ...) that differ in length only.
        enforce_sorted: require that lengths do not increase; otherwise the batch is sorted by length.

    Raises:
        RuntimeError: no sequence, sequences of other shapes or dtypes, or lengths that are out of order or 0.

    Example:
        >>> import fastnet
        >>> sequences = [fastnet.tensor([4.0, 5.0]), fastnet.tensor([1.0, 2.0, 3.0])]
        >>> fastnet.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False).data
        tensor([1., 4., 2., 5., 3.])
    """
    padded = pad_sequence(sequences)
    return pack_padded_sequence(padded, [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a PackedSequence, each in its length: the inverse of `pack_sequence`.

    Args:
        packed_sequences: from `pack_sequence` or a recurrent layer.

    Example:
        >>> import fastnet
        >>> from fastnet.nn.utils.rnn import pack_sequence, unpack_sequence
        >>> unpack_sequence(pack_sequence([fastnet.tensor([1.0, 2.0]), fastnet.tensor([3.0])]))
        [tensor([1., 2.]), tensor([3.])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


# ---- padding --------------------------------------------------------------------------------------------------------

def pad_sequence(sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: Literal["right", "left"] = "right") -> Tensor:
    """Stack sequences of different lengths, padded to the length of the longest.

    Args:
        sequences: tensors (length, ...) that differ in length only.
        batch_first: return (B, T, ...), not (T, B, ...).
        padding_value: the value of the elements that are added.
        padding_side: "right" adds them after a sequence, "left" before it.

    Raises:
        RuntimeError: no sequence, or sequences of other shapes or dtypes.

    Example:
        >>> import fastnet
        >>> sequences = [fastnet.tensor([1.0, 2.0, 3.0]), fastnet.tensor([4.0])]
        >>> fastnet.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        tensor([[1., 2., 3.],
                [4., 0., 0.]])
    """
    name = "pad_sequence"
    listed = list(sequences)
    if not listed or not all(isinstance(s, Tensor) and s.ndim for s in listed):
        raise RuntimeError(f"{name}: expected one or more tensors with dimensions, got "
                           f"{[type(s).__name__ if not isinstance(s, Tensor) else shape_text(s) for s in listed]}")
    if padding_side not in ("right", "left"):
        raise one_of(f"{name}: padding_side", padding_side, ("right", "left"))
    for i, s in enumerate(listed):
        if s.shape[1:] != listed[0].shape[1:] or s.dtype != listed[0].dtype:
            raise RuntimeError(f"{name}: expected sequences that differ in length only, got shape {shape_text(s)} and "
                               f"{s.dtype} for sequence {i}, {shape_text(listed[0])} and {listed[0].dtype} for "
                               "sequence 0")
    lengths = np.array([s.shape[0] for s in listed])
    batch, steps = len(listed), int(lengths.max())
    starts = np.cumsum(lengths) - lengths
    at = np.arange(steps)[None] - (steps - lengths[:, None] if padding_side == "left" else 0)
    inverse = np.where((at >= 0) & (at < lengths[:, None]), at + starts[:, None], -1)         # (B, T)
    inverse = inverse if batch_first else inverse.T
    index = np.empty(int(lengths.sum()), np.int64)
    flat = inverse.reshape(-1)
    index[flat[flat >= 0]] = np.flatnonzero(flat >= 0)
    rows = _packed_or_padded(cat(listed), _tensor_of(flat), _tensor_of(index))
    rows = rows.reshape(*((batch, steps) if batch_first else (steps, batch)), *listed[0].shape[1:])
    if padding_value != 0:
        missing = Tensor._wrap(constant((inverse < 0).reshape(rows.shape[:2] + (1,) * (rows.ndim - 2))))
        rows = rows.masked_fill(missing, padding_value)
    return rows


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor | Sequence[int],
                   batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each in its length: the inverse of `pad_sequence`.

    Args:
        padded_sequences: (T, B, ...), or (B, T, ...) with batch_first.
        lengths: the length of each sequence, from 1 to T.
        batch_first: the order of the first two dimensions.

    Raises:
        RuntimeError: lengths that are 0, greater than T, or not one for each sequence.

    Example:
        >>> import fastnet
        >>> padded = fastnet.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 0.0]])
        >>> fastnet.nn.utils.rnn.unpad_sequence(padded, fastnet.tensor([3, 1]), batch_first=True)
        [tensor([1., 2., 3.]), tensor([4.])]
    """
    padded = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    given = _values(lengths) if isinstance(lengths, Tensor) else lengths
    values = _checked_lengths_of("unpad_sequence", given, *padded.shape[:2])
    return [padded[i, :int(n)] for i, n in enumerate(values)]
