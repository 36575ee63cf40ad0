"""Names that PyTorch keeps for older programs, forms with an underscore, and private names that programs import."""
from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastnet import dtypes
from fastnet._core.tensor import Tensor
from fastnet.linalg import LinAlgError
from fastnet.nn import functional as F, init, utils

__all__ = ["FUNCTIONAL", "INIT", "MULTIPROCESSING", "ROOT", "SIZES", "UTILS", "OutOfMemoryError"]

_IN_PLACE = """
    abs acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil clamp clamp_max clamp_min
    clip cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac log log10 log1p log2 logit nan_to_num neg negative
    rad2deg reciprocal relu round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc xlogy zero
"""


class OutOfMemoryError(RuntimeError):
    """The error that programs catch where memory may run out. fastnet raises Python's MemoryError."""

    __module__ = "fastnet.torch"


def upsample(input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:
    """`interpolate`, under its old name."""
    return F.interpolate(input, size, scale_factor, mode, align_corners)


def scalar_tensor(s: float, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape () that holds a number, by default in the default floating-point dtype."""
    from fastnet import tensor
    return tensor(s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device,
                  requires_grad=requires_grad)


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that repeats a number n times, and makes a tuple of anything with elements."""
    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n
    parse.__name__ = name
    return parse


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """fan_in or fan_out of a weight."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"expected the mode 'fan_in' or 'fan_out', got {mode!r}")
    return init.fans(tensor)[mode.lower() == "fan_out"]


ROOT: Mapping[str, Any] = {
    "LinAlgError": LinAlgError, "OutOfMemoryError": OutOfMemoryError,
    "scalar_tensor": scalar_tensor,
    **{f"{name}_": getattr(Tensor, f"{name}_") for name in _IN_PLACE.split() if hasattr(Tensor, f"{name}_")}}
FUNCTIONAL: Mapping[str, Any] = {
    "upsample": upsample,
    **{f"{name}_": functools.partial(getattr(F, name), inplace=True)
       for name in ("celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold")}}
INIT: Mapping[str, Any] = {
    "_calculate_correct_fan": _calculate_correct_fan, "_calculate_fan_in_and_fan_out": init.fans,
    **{name.removesuffix("_"): getattr(init, name) for name in init.__all__ if name.endswith("_")}}
UTILS: Mapping[str, Any] = {"clip_grad_norm": utils.clip_grad_norm_}
SIZES: Mapping[str, Any] = {"_ntuple": _ntuple, "_single": _ntuple(1), "_pair": _ntuple(2), "_triple": _ntuple(3),
                            "_quadruple": _ntuple(4)}
MULTIPROCESSING: Mapping[str, Any] = {name: getattr(multiprocessing, name) for name in multiprocessing.__all__}
