"""The text of tensors, and its options."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet import dtypes
from fastnet._core.errors import shape_text

if TYPE_CHECKING:
    from fastnet._core.tensor import Tensor

__all__ = ["set_printoptions", "tensor_text"]

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "max_line_width": None, "suppress_small": None},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2},
    "full": {"precision": 4, "threshold": 2**62, "edgeitems": 3},
}
_PRINT_OPTIONS = dict(_PROFILES["default"])         # the arguments of numpy.array2string


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
                     linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Set how tensors are printed. It holds in all threads; NumPy's own options stay as they are.

    Args:
        precision: the number of decimal places, 4 at first.
        threshold: the number of elements above which a tensor is abbreviated, 1000 at first.
        edgeitems: the elements at each end of a dimension of an abbreviated tensor, 3 at first.
        linewidth: the characters in a line; NumPy's at first.
        profile: "default", "short" or "full", whose values the other arguments override.
        sci_mode: False prints no powers of ten; True and None leave that to the values.

    Raises:
        ValueError: an unknown profile.

    Example:
        >>> import fastnet
        >>> fastnet.set_printoptions(precision=2)
        >>> fastnet.tensor([1.23456])
        tensor([1.23])
        >>> fastnet.set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: expected profile {', '.join(map(repr, _PROFILES))}, got {profile!r}")
    changed = dict(_PROFILES.get(profile or "", {}))
    for name, value in (("precision", precision), ("edgeitems", edgeitems), ("max_line_width", linewidth),
                        ("threshold", None if threshold is None else min(int(min(threshold, 2.0**62)), 2**62))):
        if value is not None:
            changed[name] = value
    if sci_mode is not None:
        changed["suppress_small"] = not sci_mode
    _PRINT_OPTIONS.update(changed)


def tensor_text(x: Tensor, for_torch: bool) -> str:
    """The `repr` of a tensor.

    Args:
        x: the tensor.
        for_torch: write dtypes as PyTorch does, "torch.float64".
    """
    values = x._data if x._data.dtype.kind != "V" else x._data.astype(np.float32)       # bfloat16, as floats
    body = np.array2string(values, separator=", ", prefix="tensor(", **_PRINT_OPTIONS)
    if x._data.size == 0 and x._data.ndim > 1:
        body += f", shape={shape_text(x)}"
    if x._data.dtype not in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_):
        body += f", dtype={'torch.' if for_torch else ''}{x._data.dtype}"
    if x._node is not None:
        body += f", grad_fn={x._node!r}"
    elif x._requires_grad:
        body += ", requires_grad=True"
    return f"tensor({body})"
