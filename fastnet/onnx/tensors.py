"""Arrays from and to the tensors of an ONNX file."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import printable
from fastnet.onnx.external import ExternalFiles
from fastnet.onnx.forms import DataType, Tensor
from fastnet.onnx.wire import DamagedFileError

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["DTYPES", "array_of", "data_type_of", "dtype_of", "tensor_of"]

DTYPES: dict[int, np.dtype[Any]] = {kind: np.dtype(name) for kind, name in {
    DataType.FLOAT: "<f4", DataType.UINT8: "u1", DataType.INT8: "i1", DataType.UINT16: "<u2", DataType.INT16: "<i2",
    DataType.INT32: "<i4", DataType.INT64: "<i8", DataType.BOOL: "?", DataType.FLOAT16: "<f2", DataType.DOUBLE: "<f8",
    DataType.UINT32: "<u4", DataType.UINT64: "<u8", DataType.COMPLEX64: "<c8", DataType.COMPLEX128: "<c16"}.items()}
_NUMBERS = {dtype: kind for kind, dtype in DTYPES.items()}
_SMALL_BITS = {DataType.INT4: 4, DataType.UINT4: 4, DataType.INT2: 2, DataType.UINT2: 2}         # bits of an element
_SIGNED_SMALL = (DataType.INT4, DataType.INT2)
_MOST_DIMS = 64                                   # of a NumPy array
_MOST_ELEMENTS = 2**58                    # of an array of 16 bytes each, whose size is an int64
_EXTERNAL = 1                                           # a data_location


def data_type_of(dtype: DType) -> int:
    """ONNX's number of a dtype.

    Args:
        dtype: of an array.

    Raises:
        TypeError: ONNX has no such type.

    Example:
        >>> import numpy as np
        >>> from fastnet.onnx.tensors import data_type_of
        >>> data_type_of(np.dtype("float32"))
        <DataType.FLOAT: 1>
    """
    found = _NUMBERS.get(np.dtype(dtype).newbyteorder("<"))
    if found is None:
        advice = "; convert the model and the example with .float()" if dtypes.is_floating(np.dtype(dtype)) else ""
        raise TypeError(f"there is no ONNX type for the dtype {dtype} here{advice}")
    return found


def dtype_of(data_type: int, what: str) -> DType:
    """The dtype of the arrays that have ONNX's type: bfloat16 becomes float32, int4 and int2 become int8.

    Args:
        data_type: ONNX's number of the type.
        what: the name of the tensor in errors.

    Raises:
        DamagedFileError: there is no such type.
        NotImplementedError: NumPy has no such dtype: a floating-point type of 8 bits or fewer.
    """
    if data_type in DTYPES:
        return DTYPES[data_type].newbyteorder("=")
    if data_type in _SMALL_BITS:
        return np.dtype(np.int8 if data_type in _SIGNED_SMALL else np.uint8)
    if data_type == DataType.BFLOAT16:
        return np.dtype(np.float32)
    if data_type == DataType.STRING:
        return np.dtype(object)
    if data_type not in set(DataType):
        raise DamagedFileError(f"{what} has the type {data_type}, which is none of ONNX's types")
    raise NotImplementedError(f"{what} has the type {DataType(data_type).name}, which is not supported")


# ---- reading ---------------------------------------------------------------------------------------------------------

def array_of(tensor: Tensor, files: ExternalFiles | None = None) -> Array:
    """The array of a tensor. It can be a read-only view of the file's bytes.

    bfloat16 becomes float32, int4 and int2 become int8, and strings become an array of str objects.

    Args:
        tensor: of the file.
        files: in which elements may lie; None if there are none.

    Raises:
        DamagedFileError: elements are missing, are too many, or lie in another file that cannot be theirs.
        NotImplementedError: the type is not supported.
        OSError: the file with the elements cannot be read.

    Example:
        >>> import numpy as np
        >>> from fastnet.onnx.tensors import array_of, tensor_of
        >>> array_of(tensor_of("x", np.array([[1.5, 2.5]], np.float32)))
        array([[1.5, 2.5]], dtype=float32)
    """
    what = f"tensor {printable(tensor.name)!r}"
    dtype_of(tensor.data_type, what)
    shape = _shape_of(tensor.dims, what)
    count = math.prod(shape)
    if tensor.data_type == DataType.STRING:
        return _strings(tensor, count, what).reshape(shape)
    if tensor.data_location == _EXTERNAL:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        data = (files or ExternalFiles(None)).read(entries, _byte_count(tensor.data_type, count), what)
        flat = _from_bytes(tensor.data_type, data, count, what)
    elif tensor.raw_data is not None:
        flat = _from_bytes(tensor.data_type, tensor.raw_data, count, what)
    else:
        flat = _from_numbers(tensor, count, what)
    return flat.reshape(shape)


def _shape_of(dims: list[int], what: str) -> tuple[int, ...]:
    if len(dims) > _MOST_DIMS or any(size < 0 for size in dims):
        raise DamagedFileError(f"{what}: expected at most {_MOST_DIMS} dimensions of sizes >= 0, got "
                               f"{dims[:8]}{'...' if len(dims) > 8 else ''}")
    if math.prod(size or 1 for size in dims) > _MOST_ELEMENTS:         # NumPy refuses such a shape even with a size 0
        raise DamagedFileError(f"{what}: expected at most {_MOST_ELEMENTS} elements, got the shape {tuple(dims)[:8]}")
    return tuple(dims)


def _strings(tensor: Tensor, count: int, what: str) -> Array:
    _expect_count(len(tensor.string_data), count, what, "strings")
    found = np.empty(count, object)
    found[:] = [text.decode("utf-8", "replace") for text in tensor.string_data]
    return found


def _expect_count(given: int, expected: int, what: str, unit: str) -> None:
    if given != expected:
        raise DamagedFileError(f"{what}: expected {expected} {unit} for its shape, got {given}")


def _byte_count(data_type: int, count: int) -> int:
    if data_type in _SMALL_BITS:
        return -(-count * _SMALL_BITS[DataType(data_type)] // 8)
    return count * (2 if data_type == DataType.BFLOAT16 else DTYPES[data_type].itemsize)


def _from_bytes(data_type: int, data: Any, count: int, what: str) -> Array:
    """The elements in little-endian bytes."""
    _expect_count(len(data), _byte_count(data_type, count), what, "bytes")
    if data_type in _SMALL_BITS:
        return _unpacked_bits(np.frombuffer(data, np.uint8), DataType(data_type), count)
    if data_type == DataType.BFLOAT16:
        return _from_bfloat16(np.frombuffer(data, "<u2"))
    found = np.frombuffer(data, DTYPES[data_type])
    if data_type == DataType.BOOL:
        found = found.view(np.uint8) != 0               # other bytes than 0 and 1 are no bools to NumPy
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _from_bfloat16(halves: Array) -> Array:
    """float32 numbers, of which these are the upper halves."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _unpacked_bits(data: Array, data_type: DataType, count: int) -> Array:
    """Integers of 4 or 2 bits; the first is in the lowest bits of the first byte."""
    bits = _SMALL_BITS[data_type]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    numbers = (data[:, None] >> shifts & ((1 << bits) - 1)).ravel()[:count]
    if data_type not in _SIGNED_SMALL:
        return numbers
    signed = numbers.astype(np.int8)
    return np.where(signed >> (bits - 1), signed - (1 << bits), signed).astype(np.int8)


def _from_numbers(tensor: Tensor, count: int, what: str) -> Array:
    """The elements in the field that holds this type."""
    kind = tensor.data_type
    unit: Any
    if kind in (DataType.FLOAT, DataType.COMPLEX64):
        parts, unit = tensor.float_data, np.float32
    elif kind in (DataType.DOUBLE, DataType.COMPLEX128):
        parts, unit = tensor.double_data, np.float64
    elif kind == DataType.INT64:
        parts, unit = tensor.int64_data, np.int64
    elif kind in (DataType.UINT32, DataType.UINT64):
        parts, unit = tensor.uint64_data, np.uint64
    else:
        parts, unit = tensor.int32_data, np.int64
    numbers = np.concatenate([np.zeros(0, unit), *parts], dtype=unit)
    if kind in (DataType.COMPLEX64, DataType.COMPLEX128):
        _expect_count(numbers.size, 2 * count, what, "real and imaginary parts")
        return numbers.view(DTYPES[kind].newbyteorder("="))
    if kind in _SMALL_BITS:
        data = numbers.astype(np.uint8)
        _expect_count(data.size, _byte_count(kind, count), what, "bytes")
        return _unpacked_bits(data, DataType(kind), count)
    _expect_count(numbers.size, count, what, "elements")
    if kind in (DataType.FLOAT16, DataType.BFLOAT16):   # their bits
        bits = numbers.astype(np.uint16)
        return bits.view(np.float16) if kind == DataType.FLOAT16 else _from_bfloat16(bits)
    return numbers.astype(DTYPES[kind].newbyteorder("="), copy=False)


# ---- writing ---------------------------------------------------------------------------------------------------------

def tensor_of(name: str, array: Array) -> Tensor:
    """The tensor of an array, whose elements are not copied if they are contiguous.

    Args:
        name: of the tensor.
        array: bools, integers, floating-point or complex numbers.

    Raises:
        TypeError: ONNX has no type for the dtype.

    Example:
        >>> import numpy as np
        >>> from fastnet.onnx.tensors import tensor_of
        >>> tensor_of("x", np.zeros((2, 3))).dims
        [2, 3]
    """
    data_type = data_type_of(array.dtype)
    contiguous = np.asarray(array, DTYPES[data_type], order="C")
    data = contiguous.reshape(-1).view(np.uint8).data if array.size else b""
    return Tensor(name=name, dims=list(array.shape), data_type=data_type, raw_data=data)
