"""PyTorch's dtype objects and sizes, which programs written for PyTorch read in place of NumPy's dtypes and tuples."""
from __future__ import annotations

from typing import Any

import numpy as np

from fastnet._core.size import Size

__all__ = ["TorchDtype", "TorchSize"]


class TorchDtype:
    """A dtype with PyTorch's attributes and text. It is equal to the NumPy dtype, has its hash and converts to it.

    Args:
        numpy_dtype: the NumPy dtype, or the object that stands for a dtype that NumPy does not have.

    Example:
        >>> import numpy as np
        >>> from fastnet.torch import float32
        >>> float32, float32.is_floating_point, float32.itemsize, float32 == np.dtype("float32"), np.dtype(float32)
        (torch.float32, True, 4, True, dtype('float32'))
    """

    __slots__ = ("numpy_dtype",)

    numpy_dtype: Any

    def __new__(cls, numpy_dtype: Any) -> TorchDtype:
        """The one object of a dtype, so that programs may compare by identity."""
        made = super().__new__(cls)
        made.numpy_dtype = numpy_dtype
        return _objects.setdefault(numpy_dtype, made)

    @property
    def is_floating_point(self) -> bool:
        """Whether it is a dtype of real numbers."""
        return getattr(self.numpy_dtype, "kind", "f") == "f"

    @property
    def is_complex(self) -> bool:
        """Whether it is a dtype of complex numbers."""
        return getattr(self.numpy_dtype, "kind", "f") == "c"

    @property
    def is_signed(self) -> bool:
        """Whether it has negative numbers."""
        return getattr(self.numpy_dtype, "kind", "f") not in "bu"

    @property
    def itemsize(self) -> int:
        """The size of an element in bytes."""
        return self.numpy_dtype.itemsize

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype, for `numpy.dtype(x)`."""
        return self.numpy_dtype if isinstance(self.numpy_dtype, np.dtype) else self.numpy_dtype.dtype

    __numpy_dtype__ = dtype             # the name that newer versions of NumPy ask for

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.numpy_dtype, name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TorchDtype):
            return self is other or self.numpy_dtype == other.numpy_dtype
        return self.numpy_dtype == other if isinstance(other, np.dtype) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.numpy_dtype)

    def __repr__(self) -> str:
        return f"torch.{self.numpy_dtype.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return TorchDtype, (self.numpy_dtype,)


_objects: dict[Any, TorchDtype] = {}


class _SizeOfTorch(type(Size)):         # type: ignore[misc]    # the metaclass of Size
    __instancecheck__ = type.__instancecheck__


class TorchSize(Size, metaclass=_SizeOfTorch):
    """A shape that prints as PyTorch's.

    Example:
        >>> from fastnet.torch import Size
        >>> Size([2, 3]), Size([2, 3]).numel(), Size([2, 3]) == (2, 3)
        (torch.Size([2, 3]), 6, True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"
