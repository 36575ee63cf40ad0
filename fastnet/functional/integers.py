"""Functions of floating-point kernels on integers, which few programs need: they are computed in float64."""
from __future__ import annotations

from collections.abc import Callable

from fastnet._core.tensor import Tensor
from fastnet.dtypes import float64
from fastnet.functional.casting import to

__all__ = ["are_integers", "computed_in_float64"]


def are_integers(*tensors: Tensor | None) -> bool:
    """Whether these are tensors of signed integers of one dtype."""
    first = tensors[0]
    if not isinstance(first, Tensor) or first.dtype.kind != "i":
        return False
    return all(t is None or (isinstance(t, Tensor) and t.dtype == first.dtype) for t in tensors)


def computed_in_float64(function: Callable[..., Tensor], *tensors: Tensor | None) -> Tensor:
    """function(*tensors) of integers: exact while all sums are below 2**53; fractions are cut off, as in PyTorch.

    Args:
        function: of tensors in float64.
        tensors: of integers of one dtype, the dtype of the result; or None.
    """
    assert tensors[0] is not None
    return to(function(*(None if t is None else to(t, float64) for t in tensors)), tensors[0].dtype)
