"""Whether the compiled modules are there: the one decision between them and their twins in plain Python."""
import importlib
import warnings
from typing import Any

from fastnet._kernels import reference

# beside the families of kernels
CORE = ("cpu", "threads", "tuning", "state", "memory", "launch", "calls", "dispatch", "tape", "watch", "replay")


class Absent:
    """Why there are no compiled kernels: "not built", or "broken" with the error."""

    def __init__(self, status, error):
        self.status, self.error = status, error


def _load():
    """({name: compiled module}, None), or ({}, why there are none): not built is quiet, broken is loud."""
    families = [family for family in reference.FAMILIES if not family.endswith("_extra")]
    try:
        importlib.import_module("fastnet._kernels.launch")
        return {name: importlib.import_module(f"fastnet._kernels.{name}") for name in (*CORE, *families)}, None
    except ModuleNotFoundError as e:
        if e.name == "fastnet._kernels.launch":
            return {}, Absent("not built", e)
        error: Exception = e
    except Exception as e:              # not only ImportError: extensions of two builds raise TypeError or ValueError
        error = e
    warnings.warn(f"fastnet's compiled kernels are broken, NumPy is used instead: {error}", RuntimeWarning,
                  stacklevel=2)
    return {}, Absent("broken", error)


compiled, absent = _load()


def _twin(name) -> Any:
    return compiled.get(name) or importlib.import_module(f"fastnet._kernels.reference.{name}")


state, memory, calls, tape, watch, replay = map(_twin, ("state", "memory", "calls", "tape", "watch", "replay"))
