"""Numbers, arrays and texts as C."""
from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, DType

__all__ = ["TYPE_SIZES", "array_text", "c_type", "comment_text", "elements_text", "float_text", "integer_text",
           "item_size", "string_text"]

_C_TYPES = {"float32": "float", "bool": "uint8_t", "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t",
            "int32": "int32_t", "int64": "int32_t"}
TYPE_SIZES = {"float": 4, "int32_t": 4, "int16_t": 2, "int8_t": 1, "uint8_t": 1}
_A_LINE = {"float": 8, "int32_t": 12, "int16_t": 16, "int8_t": 24, "uint8_t": 24}


def c_type(dtype: DType) -> str:
    """The C type of the elements of a dtype. Integers of 64 bits become int32_t.

    Raises:
        ValueError: the dtype has none.

    Example:
        >>> import numpy as np
        >>> c_type(np.dtype("float32")), c_type(np.dtype("int64"))
        ('float', 'int32_t')
    """
    if str(dtype) not in _C_TYPES:
        advice = "; convert the model and the example with .float()" if dtypes.is_floating(dtype) else ""
        raise ValueError(f"expected float32, bool or integers of up to 32 bits, got {dtype}{advice}")
    return _C_TYPES[str(dtype)]


def item_size(dtype: DType) -> int:
    """The bytes of an element in C."""
    return TYPE_SIZES[c_type(dtype)]


def float_text(x: float) -> str:
    """A float32 as the shortest C constant that gives it.

    Example:
        >>> float_text(0.1), float_text(1e-8), float_text(-float("inf"))
        ('0.1f', '1e-08f', '-INFINITY')
    """
    number = np.float32(x)
    if np.isfinite(number):
        return f"{number!s}f"
    return "NAN" if np.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"


def integer_text(x: int) -> str:
    """An integer as a C constant of the type int32_t.

    Raises:
        ValueError: it does not fit into 32 bits; -2**31 does not, because C reads it as the negative of 2**31.

    Example:
        >>> integer_text(-7)
        '-7'
    """
    if abs(x) > np.iinfo(np.int32).max:
        raise ValueError(f"expected integers of up to 32 bits, because int64 becomes int32_t in C, got {x}")
    return str(x)


def elements_text(array: Array) -> Iterator[str]:
    """The elements of an array as C constants."""
    if array.dtype.kind == "f":
        return map("{!s}f".format if np.isfinite(array).all() else float_text, array.ravel())
    for extreme in (array.min(), array.max()) if array.size else ():
        integer_text(int(extreme))                          # raises
    return map(str, array.ravel().astype(np.int64).tolist())


def array_text(name: str, array: Array) -> str:
    """The definition of a constant array.

    Example:
        >>> import numpy as np
        >>> print(array_text("bias", np.array([0.5, 1], np.float32)))
        static const float bias[2] = {
            0.5f, 1.0f
        };

    Raises:
        ValueError: an integer does not fit into 32 bits.
    """
    kind = c_type(array.dtype)
    try:
        elements = list(elements_text(array))
    except ValueError as e:
        raise ValueError(f"export_c: {name}: {e}") from None
    lines = [", ".join(elements[i:i + _A_LINE[kind]]) for i in range(0, len(elements), _A_LINE[kind])]
    return f"static const {kind} {name}[{max(array.size, 1)}] = {{\n    " + ",\n    ".join(lines or ["0"]) + "\n};"


def string_text(text: str) -> str:
    """A C string in UTF-8.

    Example:
        >>> print(string_text('5" wide'))
        "5\\" wide"
    """
    quoted = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return '"' + quoted.replace("\\042", '\\"') + '"'


def comment_text(text: Any) -> str:
    """A text that a comment can hold: ASCII, without the marks that end or begin a comment."""
    return str(text).encode("ascii", "replace").decode().replace("*/", "* /").replace("/*", "/ *")
