"""Plain values: numbers, strings, dates and others that are compared as a whole."""
from __future__ import annotations

import enum
import functools
from typing import Any

import numpy as np

from fastnet._core.torch_types import TorchDtype

_PLAIN: tuple[type, ...] = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), type(NotImplemented),
                            range, slice, np.generic, np.dtype, TorchDtype, enum.Enum)
# named, since the import of the modules that define them takes milliseconds
_PLAIN_NAMES = frozenset(("datetime.date", "datetime.time", "datetime.timedelta", "datetime.tzinfo", "decimal.Decimal",
                          "fractions.Fraction", "pathlib.PurePath", "re.Pattern", "uuid.UUID"))


def is_plain(value: Any) -> bool:
    """Whether a value is compared as a whole: a number, a string, a date and the like.

    Args:
        value: of any type.
    """
    return isinstance(value, _PLAIN) or _has_plain_base(value.__class__)


@functools.lru_cache(maxsize=4096)
def _has_plain_base(cls: type) -> bool:
    return any(f"{base.__module__.partition('.')[0]}.{base.__name__}" in _PLAIN_NAMES for base in cls.__mro__)


def bits(number: Any) -> bytes:
    """The bits of a float or complex number: they tell -0.0 from 0.0, and NaN equals itself.

    Args:
        number: of Python or NumPy.
    """
    return np.array(number).tobytes()
