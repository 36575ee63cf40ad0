"""The dtypes, and PyTorch's rules of type promotion.

A dtype is a `numpy.dtype`: `fastnet.float32 == np.float32`, and NumPy accepts it without a conversion. Kernels compute
in the six dtypes of `ALL`. float16 and bfloat16 are for storage: operations compute in float32 and round each result.
int8, int16, complex64 and complex128 are computed by NumPy.

NumPy has no bfloat16: the package ml_dtypes adds it, and is imported when the first such tensor is made.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._runtime.bfloat16 import Bfloat16, bfloat16

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType, DTypeLike, Number

__all__ = ["ALL", "DEFAULT", "MORE", "NAMES", "as_dtype", "bfloat16", "bool_", "can_cast", "category",
           "complex64", "complex128", "complex_of", "dtype", "finfo", "float16", "float32", "float64",
           "float_of", "get_default_dtype", "iinfo", "int8", "int16", "int32", "int64", "is_floating", "of_scalar",
           "promote", "promote_types", "real_of", "result_type", "set_default_dtype", "uint8"]

bool_: np.dtype[np.bool_] = np.dtype(np.bool_)
uint8: np.dtype[np.uint8] = np.dtype(np.uint8)
int32: np.dtype[np.int32] = np.dtype(np.int32)
int64: np.dtype[np.int64] = np.dtype(np.int64)
float32: np.dtype[np.float32] = np.dtype(np.float32)
float64: np.dtype[np.float64] = np.dtype(np.float64)

int8: np.dtype[np.int8] = np.dtype(np.int8)
int16: np.dtype[np.int16] = np.dtype(np.int16)
float16: np.dtype[np.float16] = np.dtype(np.float16)
complex64: np.dtype[np.complex64] = np.dtype(np.complex64)
complex128: np.dtype[np.complex128] = np.dtype(np.complex128)

ALL: tuple[DType, ...] = (bool_, uint8, int32, int64, float32, float64)
MORE: tuple[DType, ...] = (int8, int16, float16, complex64, complex128)
NAMES: dict[str, DType] = {
    "int8": int8, "char": int8, "int16": int16, "short": int16, "float16": float16, "half": float16,
    "complex64": complex64, "cfloat": complex64, "complex128": complex128, "cdouble": complex128,
    "bool": bool_, "uint8": uint8, "int32": int32, "int": int32, "int64": int64, "long": int64,
    "float32": float32, "float": float32, "float64": float64, "double": float64}
_OBJECTS = {dtype: dtype for dtype in (*ALL, *MORE)}    # NumPy may have several equal ones
bfloat16.when_loaded(lambda made: _OBJECTS.setdefault(made, made))
_CATEGORIES = {"b": 0, "i": 1, "u": 1, "f": 2, "V": 2, "c": 3}        # "V" is the kind of bfloat16
DEFAULT: list[DType] = [float32]        # one element: the dtype of floats for which none is given
_PYTHON: dict[type, DType] = {bool: bool_, int: int64, float: float64, complex: complex128}      # of 64 bits


def as_dtype(dtype: DTypeLike) -> DType:
    """Convert a dtype's name, a Python type or a NumPy dtype or scalar type to one of fastnet's dtypes.

    Raises:
        TypeError: fastnet does not support this dtype.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.as_dtype(float), fastnet.dtypes.as_dtype("long")
        (dtype('float64'), dtype('int64'))
    """
    if isinstance(dtype, np.dtype) and dtype in _OBJECTS:       # the common case
        return _OBJECTS[dtype]
    dtype = getattr(dtype, "numpy_dtype", dtype)        # that of one of PyTorch's dtype objects
    if type(dtype) is type and dtype in _PYTHON:
        return _PYTHON[dtype]
    if dtype is bfloat16 or (isinstance(dtype, str) and dtype == bfloat16.name):
        return bfloat16.load()
    if isinstance(dtype, str) and dtype in NAMES:
        return NAMES[dtype]
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is not None and found.name == bfloat16.name:
        return bfloat16.load()
    if found is None or found not in _OBJECTS:
        raise TypeError(f"unsupported dtype {dtype!r}; choose from {', '.join(d.name for d in (*ALL, *MORE))}")
    return _OBJECTS[found]


def category(dtype: DType) -> int:
    """Category of a dtype: 0 for bool, 1 for integers, 2 for floating point, 3 for complex.

    Promotion prefers the higher one.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.category(fastnet.uint8)
        1
    """
    return _CATEGORIES[dtype.kind]


def is_floating(dtype: DType) -> bool:
    """Whether a dtype holds floating-point numbers: float16, bfloat16, float32 or float64 of fastnet's dtypes.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.is_floating(fastnet.float32), fastnet.dtypes.is_floating(fastnet.int64)
        (True, False)
    """
    if dtype.kind == "V":               # also the kind of structured dtypes; NumPy computes names slowly
        return dtype is bfloat16.made or bfloat16 == dtype
    return dtype.kind == "f"


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
    if ca != cb and max(ca, cb) == 3 and min(ca, cb) == 2:      # complex64 with float64 is complex128
        return np.promote_types(a, b)
    if ca != cb:
        return a if ca > cb else b
    if "V" in (a.kind, b.kind):                                 # neither of the 16-bit dtypes holds the other
        return float32 if float16 in (a, b) else b if a.kind == "V" else a
    return np.promote_types(a, b)


def of_scalar(value: Number | np.generic) -> DType:
    """Default dtype of a Python or NumPy scalar: bool, int64, float32 or complex64.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.of_scalar(1), fastnet.dtypes.of_scalar(1.0)
        (dtype('int64'), dtype('float32'))
    """
    if isinstance(value, bool | np.bool_):
        return bool_
    if isinstance(value, complex | np.complexfloating):
        return complex_of(DEFAULT[0])
    return int64 if isinstance(value, int | np.integer) else DEFAULT[0]


def complex_of(dtype: DType) -> DType:
    """Complex dtype whose parts have a floating-point dtype; a complex dtype unchanged.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.complex_of(fastnet.float64)
        dtype('complex128')
    """
    return dtype if dtype.kind == "c" else complex128 if dtype == float64 else complex64


def real_of(dtype: DType) -> DType:
    """Floating-point dtype of the parts of a complex dtype; another dtype unchanged.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.real_of(fastnet.complex64)
        dtype('float32')
    """
    return float32 if dtype == complex64 else float64 if dtype == complex128 else dtype


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
        if dtype is None:
            continue
        if result is None:
            result = dtype
        elif category(dtype) > category(result):        # of a lower rank: its category, in the width of the result
            result = complex_of(result) if dtype.kind == "c" and is_floating(result) else dtype
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
    return dtype if category(dtype) >= 2 else DEFAULT[0]


def get_default_dtype() -> DType:
    """The dtype of tensors of Python floats and of modules' parameters for which none is given: float32 at first.

    Example:
        >>> import fastnet
        >>> fastnet.get_default_dtype()
        dtype('float32')
    """
    return DEFAULT[0]


def set_default_dtype(d: DTypeLike) -> None:
    """Set the dtype of tensors of Python floats and of modules' parameters for which none is given.

    It also is the dtype of real functions and quotients of integers. It holds in all threads.

    Args:
        d: float32 or float64.

    Raises:
        TypeError: another dtype.

    Example:
        >>> import fastnet
        >>> fastnet.set_default_dtype(fastnet.float64)
        >>> fastnet.tensor([1.5]).dtype, fastnet.nn.Linear(1, 1).weight.dtype
        (dtype('float64'), dtype('float64'))
        >>> fastnet.set_default_dtype(fastnet.float32)
    """
    dtype = as_dtype(d)
    if dtype not in (float32, float64):
        raise TypeError(f"set_default_dtype: expected float32 or float64, got {dtype}")
    DEFAULT[0] = dtype


def promote_types(type1: DTypeLike, type2: DTypeLike) -> DType:
    """The smallest dtype of the higher category of two dtypes that holds both; see `promote`.

    Example:
        >>> import fastnet
        >>> fastnet.promote_types(fastnet.int64, fastnet.float32)
        dtype('float32')
    """
    return promote(as_dtype(type1), as_dtype(type2))


def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether results of one dtype may be written into a tensor of another: not from a higher category to a lower.

    Example:
        >>> import fastnet
        >>> fastnet.can_cast(fastnet.float64, fastnet.float32), fastnet.can_cast(fastnet.float32, fastnet.int64)
        (True, False)
    """
    return category(as_dtype(from_)) <= category(as_dtype(to))


class _DTypeClass(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, np.dtype | Bfloat16)


class dtype(metaclass=_DTypeClass):
    """The class of dtypes, for `isinstance(x, fastnet.dtype)` and annotations. Dtypes are instances of `numpy.dtype`.

    `dtype(name)` is `as_dtype(name)`.

    Example:
        >>> import fastnet
        >>> isinstance(fastnet.float32, fastnet.dtype), isinstance(fastnet.ones(1).dtype, fastnet.dtype)
        (True, True)
    """

    def __new__(cls, name: DTypeLike) -> Any:
        return as_dtype(name)


class finfo:
    """The limits of a floating-point dtype.

    Args:
        dtype: by default the default dtype.

    Attributes:
        bits, eps, max, min, tiny, smallest_normal, resolution: as numbers; min is -max.
        dtype: the name of the dtype.

    Raises:
        TypeError: a dtype that is not floating-point.

    Example:
        >>> import fastnet
        >>> fastnet.finfo(fastnet.float32).eps
        1.1920928955078125e-07
    """

    bits: int
    eps: float
    max: float
    min: float
    tiny: float
    smallest_normal: float
    resolution: float
    dtype: str

    def __init__(self, dtype: DTypeLike | None = None) -> None:
        found = DEFAULT[0] if dtype is None else as_dtype(dtype)
        if category(found) < 2:
            raise TypeError(f"finfo: expected a floating-point dtype, got {found}; use iinfo")
        limits = np.finfo(found) if found.kind != "V" else importlib.import_module("ml_dtypes").finfo(found)
        self.bits, self.dtype = limits.bits, limits.dtype.name
        self.resolution = 10.0 ** -limits.precision
        for name in ("eps", "max", "min", "tiny", "smallest_normal"):
            setattr(self, name, float(getattr(limits, name)))

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:
    """The limits of an integer dtype.

    Args:
        dtype: an integer dtype.

    Attributes:
        bits, max, min: integers.
        dtype: the name of the dtype.

    Raises:
        TypeError: a dtype that is not an integer.

    Example:
        >>> import fastnet
        >>> fastnet.iinfo(fastnet.uint8)
        iinfo(min=0, max=255, dtype=uint8)
    """

    bits: int
    max: int
    min: int
    dtype: str

    def __init__(self, dtype: DTypeLike) -> None:
        found = as_dtype(dtype)
        if category(found) != 1:
            raise TypeError(f"iinfo: expected an integer dtype, got {found}")
        limits = np.iinfo(found)
        self.bits, self.max, self.min, self.dtype = limits.bits, int(limits.max), int(limits.min), found.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def __dir__() -> list[str]:
    return sorted(__all__)
