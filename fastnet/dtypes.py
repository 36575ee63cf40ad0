"""The six dtypes, and PyTorch's rules of type promotion.

A dtype is a `numpy.dtype`: `fastnet.float32 == np.float32`, and NumPy accepts it without a conversion.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Number

__all__ = ["ALL", "NAMES", "as_dtype", "bool_", "category", "float32", "float64", "float_of", "int32", "int64",
           "of_scalar", "promote", "result_type", "uint8"]

bool_: np.dtype[np.bool_] = np.dtype(np.bool_)
uint8: np.dtype[np.uint8] = np.dtype(np.uint8)
int32: np.dtype[np.int32] = np.dtype(np.int32)
int64: np.dtype[np.int64] = np.dtype(np.int64)
float32: np.dtype[np.float32] = np.dtype(np.float32)
float64: np.dtype[np.float64] = np.dtype(np.float64)

ALL: tuple[DType, ...] = (bool_, uint8, int32, int64, float32, float64)
NAMES: dict[str, DType] = {
    "bool": bool_, "uint8": uint8, "int32": int32, "int": int32, "int64": int64, "long": int64,
    "float32": float32, "float": float32, "float64": float64, "double": float64}
_SUPPORTED = frozenset(ALL)
_PYTHON: dict[type, DType] = {bool: bool_, int: int64, float: float64}     # Python's numbers have 64 bits


def as_dtype(dtype: DTypeLike) -> DType:
    """Convert a dtype's name, a Python type or a NumPy dtype or scalar type to one of the six dtypes.

    Raises:
        TypeError: fastnet does not support this dtype.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.as_dtype(float), fastnet.dtypes.as_dtype("long")
        (dtype('float64'), dtype('int64'))
    """
    if type(dtype) is type and dtype in _PYTHON:
        return _PYTHON[dtype]
    if isinstance(dtype, str) and dtype in NAMES:
        return NAMES[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found not in _SUPPORTED or not found.isnative:
        raise TypeError(f"unsupported dtype {dtype!r}; choose from {', '.join(d.name for d in ALL)}")
    return NAMES.get(found.name, found)


def category(dtype: DType) -> int:
    """Category of a dtype: 0 for bool, 1 for integers, 2 for floating point. Promotion prefers the higher one.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.category(fastnet.uint8)
        1
    """
    return 2 if dtype.kind == "f" else 0 if dtype.kind == "b" else 1


def promote(a: DType, b: DType) -> DType:
    """Promote two dtypes: the one of the higher category, or within one category the wider one.

    Unlike in NumPy, int64 and float32 give float32.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.promote(fastnet.int64, fastnet.float32)
        dtype('float32')
    """
    if a == b:
        return a
    ca, cb = category(a), category(b)
    if ca != cb:
        return a if ca > cb else b
    return np.promote_types(a, b)


def of_scalar(value: Number | np.generic) -> DType:
    """Default dtype of a Python or NumPy scalar: bool, int64 or float32.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.of_scalar(1), fastnet.dtypes.of_scalar(1.0)
        (dtype('int64'), dtype('float32'))
    """
    if isinstance(value, bool | np.bool_):
        return bool_
    return int64 if isinstance(value, int | np.integer) else float32


def result_type(*operands: Array | Number | np.generic) -> DType:
    """Result dtype of an operation on arrays and Python scalars, by PyTorch's rules.

    Arrays with at least one dimension decide. A 0-d array changes the result only if its category is higher, and a
    Python scalar only if its category is higher than those of all arrays.
    https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc.

    Raises:
        TypeError: no operands.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.dtypes.result_type(np.zeros(2, np.int32), 1), fastnet.dtypes.result_type(np.zeros(2, np.int32), 1.0)
        (dtype('int32'), dtype('float32'))
    """
    ranked: list[DType | None] = [None, None, None]      # arrays, 0-d arrays, scalars
    for x in operands:
        rank, dtype = (0 if x.ndim else 1, x.dtype) if isinstance(x, np.ndarray) else (2, of_scalar(x))
        before = ranked[rank]
        ranked[rank] = dtype if before is None else promote(before, dtype)
    result: DType | None = None
    for dtype in ranked:
        if dtype is not None and (result is None or category(dtype) > category(result)):
            result = dtype
    if result is None:
        raise TypeError("result_type: expected at least one array or number, got none")
    return result


def float_of(dtype: DType) -> DType:
    """Floating-point dtype for real-valued functions of an array: its own dtype if floating point, else float32.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.float_of(fastnet.int64), fastnet.dtypes.float_of(fastnet.float64)
        (dtype('float32'), dtype('float64'))
    """
    return dtype if dtype.kind == "f" else float32


def __dir__() -> list[str]:
    return sorted(__all__)
