"""The name of bfloat16, a dtype that NumPy does not have."""
from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = ["Bfloat16", "bfloat16"]


class Bfloat16:
    """The name of a dtype that NumPy does not have: it is equal to the dtype of ml_dtypes, which tensors have."""

    is_floating_point = True
    is_complex = False
    is_signed = True
    name = "bfloat16"
    itemsize = 2

    def __init__(self) -> None:
        self.made: DType | None = None          # the dtype of ml_dtypes, once it is imported
        self._users: list[Callable[[DType], object]] = []

    def when_loaded(self, function: Callable[[DType], object]) -> None:
        """Call function(dtype) when ml_dtypes is imported.

        Args:
            function: such as one that enters the dtype into a table.
        """
        if self.made is None:
            self._users.append(function)
        else:
            function(self.made)

    def load(self) -> DType:
        """The dtype of ml_dtypes."""
        if self.made is None:
            try:
                module = importlib.import_module("ml_dtypes")
            except ModuleNotFoundError:
                raise ImportError("bfloat16 needs ml_dtypes, which adds it to NumPy: pip install ml_dtypes",
                                  name="ml_dtypes") from None
            self.made = np.dtype(module.bfloat16)
            for function in self._users:
                function(self.made)
        return self.made

    @property
    def dtype(self) -> DType:
        """The dtype, for NumPy's comparisons; it is missing while no tensor can have it."""
        if self.made is None:
            raise AttributeError("dtype")
        return self.made

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, np.dtype) and other.name == self.name)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name

    __reduce__ = __repr__               # pickle finds it by its name in this module


bfloat16: Any = Bfloat16()
