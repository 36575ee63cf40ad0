"""Lists of arrays as bytes: dtypes, shapes and raw memory. Nothing is pickled, and nothing but numbers is read."""
from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet.distributed.errors import DistError

if TYPE_CHECKING:
    from fastnet._core.annotations import Array

__all__ = ["packed_arrays", "unpacked_arrays"]

_LENGTH = struct.Struct("<I")
_NUMBER_KINDS = "biufc"                        # kinds of dtypes that hold plain numbers


def packed_arrays(arrays: Sequence[Array], about: Any = None) -> bytes:
    """Arrays as bytes.

    Args:
        arrays: NumPy arrays of numbers.
        about: a value for JSON that travels with them.

    Example:
        >>> import numpy as np
        >>> from fastnet.distributed.messages import packed_arrays, unpacked_arrays
        >>> unpacked_arrays(packed_arrays([np.arange(2), np.float32(0.5)], {"step": 3}))
        ([array([0, 1]), array(0.5, dtype=float32)], {'step': 3})
    """
    whole = [np.asarray(a) for a in arrays]
    head = json.dumps([[(a.dtype.str, a.shape) for a in whole], about]).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *(a.tobytes() for a in whole)])


def unpacked_arrays(data: bytes) -> tuple[list[Array], Any]:
    """The arrays and the value that `packed_arrays` packed.

    Args:
        data: the bytes.

    Raises:
        DistError: the bytes are something else.
    """
    try:
        start = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        kinds, about = json.loads(data[_LENGTH.size:start])
        arrays = []
        for name, shape in kinds:
            dtype = np.dtype(name)
            if dtype.kind not in _NUMBER_KINDS:
                raise ValueError(f"expected a dtype of numbers, got {dtype}")
            count = int(np.prod(shape, dtype=np.int64))
            arrays.append(np.frombuffer(data, dtype, count, start).reshape(shape).copy())
            start += count * dtype.itemsize
    except (struct.error, ValueError, TypeError) as e:
        raise DistError(f"expected arrays from another rank, got something else: {e}") from None
    return arrays, about
