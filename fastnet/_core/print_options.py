"""How tensors are printed."""
from __future__ import annotations

from typing import Any

__all__ = ["OPTIONS", "set_printoptions"]

# the arguments of numpy.array2string that `repr` of a tensor passes
OPTIONS: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "max_line_width": None,
                           "suppress_small": None}
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "max_line_width": None, "suppress_small": None},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2},
    "full": {"precision": 4, "threshold": 2**62, "edgeitems": 3},
}


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
    OPTIONS.update(changed)
