"""The six dtypes, and PyTorch's rules for what comes of two of them.

A dtype is a `numpy.dtype`: `fastnet.float32 == np.float32`, and NumPy takes it as it is.
"""
import numpy as np

bool_ = np.dtype(np.bool_)
uint8 = np.dtype(np.uint8)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)

ALL = (bool_, uint8, int32, int64, float32, float64)
_KNOWN = frozenset(ALL)
NAMES = {"bool": bool_, "uint8": uint8, "int32": int32, "int": int32, "int64": int64, "long": int64,
          "float32": float32, "float": float32, "float64": float64, "double": float64}
_PYTHON = {bool: bool_, int: int64, float: float64}     # Python's types name dtypes of their own precision


def as_dtype(dtype):
    """The dtype that `dtype` names: one of the six, a NumPy dtype or scalar type, a Python type or a string.

    Raises:
        TypeError: any other.

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
    if found not in _KNOWN or not found.isnative:
        raise TypeError(f"unsupported dtype {dtype!r}; choose from {', '.join(d.name for d in ALL)}")
    return NAMES.get(found.name, found)


def category(dtype):
    """0 for bool, 1 for integers, 2 for floating point: a higher category wins a promotion.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.category(fastnet.uint8)
        1
    """
    return 2 if dtype.kind == "f" else 0 if dtype.kind == "b" else 1


def promote(a, b):
    """The dtype of a combination of two arrays: the higher category's, within one category the wider.

    Unlike NumPy's, an int64 and a float32 give a float32.

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


def of_scalar(value):
    """The dtype that a Python scalar has on its own.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.of_scalar(1), fastnet.dtypes.of_scalar(1.0)
        (dtype('int64'), dtype('float32'))
    """
    if isinstance(value, bool | np.bool_):
        return bool_
    return int64 if isinstance(value, int | np.integer) else float32


def result_type(*operands):
    """PyTorch's result dtype of arrays and Python scalars.

    Arrays of one dimension or more decide; a 0-d array, and below it a Python scalar, matters only if it is of a
    higher category. https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc.

    Example:
        >>> import numpy as np, fastnet
        >>> fastnet.dtypes.result_type(np.zeros(2, np.int32), 1), fastnet.dtypes.result_type(np.zeros(2, np.int32), 1.0)
        (dtype('int32'), dtype('float32'))
    """
    ranked = [None, None, None]                          # arrays, 0-d arrays, scalars
    for x in operands:
        rank, dtype = (0 if x.ndim else 1, x.dtype) if isinstance(x, np.ndarray) else (2, of_scalar(x))
        ranked[rank] = dtype if ranked[rank] is None else promote(ranked[rank], dtype)
    result = None
    for dtype in ranked:
        if dtype is not None and (result is None or category(dtype) > category(result)):
            result = dtype
    return result


def float_of(dtype):
    """The dtype in which a real-valued function of such an array is computed: itself if floating, else float32.

    Example:
        >>> import fastnet
        >>> fastnet.dtypes.float_of(fastnet.int64), fastnet.dtypes.float_of(fastnet.float64)
        (dtype('float32'), dtype('float64'))
    """
    return dtype if dtype.kind == "f" else float32
