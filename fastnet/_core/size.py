"""The shape that `Tensor.size()` returns."""
from __future__ import annotations

import math
from typing import Any

__all__ = ["Size"]


class _SizeType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        """Every tuple of ints is a shape, so that `isinstance(x.shape, Size)` holds, too."""
        return isinstance(instance, tuple) and all(type(n) is int for n in instance)


class Size(tuple[int, ...], metaclass=_SizeType):
    """A shape: a tuple of ints that also tells the number of elements. Its repr is that of the tuple.

    `isinstance(shape, Size)` holds for every tuple of ints, such as `tensor.shape`.

    Example:
        >>> import fastnet
        >>> fastnet.ones(2, 3).size().numel(), fastnet.Size([4, 5]), isinstance(fastnet.ones(2).shape, fastnet.Size)
        (6, (4, 5), True)
    """

    __slots__ = ()

    def numel(self) -> int:
        """The product of the lengths: the number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return type(self)(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Any:
        return type(self)(super().__add__(tuple(other)))
