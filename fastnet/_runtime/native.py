"""The choice, at import, between the compiled modules and their twins in plain Python."""
from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any, Literal

from fastnet._kernels import reference

CORE = ("cpu", "threads", "tuning", "state", "memory", "launch", "places", "frames", "dispatch", "dialect",
        "pointwise", "saved", "wrappers", "tape", "untaped", "guards", "replay")


class Absent:
    """The reason why there are no compiled modules: `status` is "not built" or "broken", `error` the exception."""

    def __init__(self, status: Literal["not built", "broken"], error: Exception) -> None:
        self.status, self.error = status, error


def _load() -> tuple[dict[str, Any], Any]:
    """({name: compiled module}, None), or ({}, an Absent). A broken build warns."""
    names = [*(f"fastnet._runtime.{name}" for name in CORE),
             *(f"fastnet._kernels.{name}" for name in reference.FAMILIES if not name.endswith("_extra"))]
    try:
        importlib.import_module("fastnet._runtime.launch")
        return {name.rpartition(".")[2]: importlib.import_module(name) for name in names}, None
    except ModuleNotFoundError as e:
        if e.name == "fastnet._runtime.launch":
            return {}, Absent("not built", e)
        error: Exception = e
    except Exception as e:              # ImportError, or TypeError or ValueError if modules are from different builds
        error = e
    warnings.warn(f"fastnet's compiled kernels are broken, NumPy is used instead: {error}", RuntimeWarning,
                  stacklevel=2)
    return {}, Absent("broken", error)


compiled, absent = _load()


def _twin(name: str) -> Any:
    return compiled.get(name) or importlib.import_module(f"fastnet._runtime.twins.{name}")


if TYPE_CHECKING:                       # type checkers read the twins' types for both forms
    from fastnet._runtime.twins import (
        dialect,
        frames,
        guards,
        memory,
        places,
        pointwise,
        replay,
        saved,
        state,
        tape,
        untaped,
        wrappers,
    )
else:
    state, memory, dialect, pointwise, saved, wrappers, tape, untaped, places, frames, guards, replay = map(_twin, (
        "state", "memory", "dialect", "pointwise", "saved", "wrappers", "tape", "untaped", "places", "frames", "guards",
        "replay"))
