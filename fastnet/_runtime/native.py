"""Whether the compiled modules are there: the one decision between them and their twins in plain Python."""
import importlib
import warnings
from typing import TYPE_CHECKING, Any

from fastnet._kernels import reference

CORE = ("cpu", "threads", "tuning", "state", "memory", "launch", "places", "frames", "dispatch", "saved", "tape",
        "guards", "replay")


class Absent:
    """Why there are no compiled kernels: "not built", or "broken" with the error."""

    def __init__(self, status, error):
        self.status, self.error = status, error


def _load():
    """({name: compiled module}, None), or ({}, why there are none): not built is quiet, broken is loud."""
    names = [*(f"fastnet._runtime.{name}" for name in CORE),
             *(f"fastnet._kernels.{name}" for name in reference.FAMILIES if not name.endswith("_extra"))]
    try:
        importlib.import_module("fastnet._runtime.launch")
        return {name.rpartition(".")[2]: importlib.import_module(name) for name in names}, None
    except ModuleNotFoundError as e:
        if e.name == "fastnet._runtime.launch":
            return {}, Absent("not built", e)
        error: Exception = e
    except Exception as e:              # not only ImportError: extensions of two builds raise TypeError or ValueError
        error = e
    warnings.warn(f"fastnet's compiled kernels are broken, NumPy is used instead: {error}", RuntimeWarning,
                  stacklevel=2)
    return {}, Absent("broken", error)


compiled, absent = _load()


def _twin(name) -> Any:
    return compiled.get(name) or importlib.import_module(f"fastnet._runtime.twins.{name}")


if TYPE_CHECKING:                       # a twin bears the types of both
    from fastnet._runtime.twins import frames, guards, memory, places, replay, saved, state, tape
else:
    state, memory, saved, tape, places, frames, guards, replay = map(
        _twin, ("state", "memory", "saved", "tape", "places", "frames", "guards", "replay"))
