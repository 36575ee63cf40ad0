"""`torch.types`: names for annotations."""
from __future__ import annotations

import os
from typing import Any, TypeAlias, Union

from fastnet._core.tensor import Tensor

__all__ = ["Device", "FileLike", "Number", "Tensor"]

Number: TypeAlias = Union[int, float, bool]                         # noqa: UP007 (programs evaluate it)
Device: TypeAlias = Any
FileLike: TypeAlias = Union[str, os.PathLike[str], Any]             # noqa: UP007
