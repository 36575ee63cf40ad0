"""The choice of the backend, threads and instruction sets. K is the table of kernels in use (_core/kernel_table.py)."""
from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet._core.kernel_table import K, kernels_of
from fastnet._core.state import Swapped
from fastnet._kernels.reference import random as _reference_random
from fastnet._kernels.reference.tools.matrices import LinAlgError
from fastnet._runtime import native as _native, thread_policy as _policy

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = ["LinAlgError", "available_isas", "backend", "config", "get_isa", "get_num_threads", "set_backend", "set_isa",
           "set_num_threads", "show_config", "use_backend"]

BackendName: TypeAlias = Literal["compiled", "numpy"]

random_blocks: Callable[[int, DType], int] = _reference_random.blocks       # counters that a draw uses

_absent = _native.absent
compiled_available: bool = not _absent

launch: Any = None
if compiled_available:
    _cpu, launch, _threads = (_native.compiled[name] for name in ("cpu", "launch", "threads"))
    _threads.set_default_threads(_policy.default_threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_threads.after_fork)


# ---- the backend ----------------------------------------------------------------------------------------------------

def backend() -> BackendName:
    """Name of the backend in use: "compiled" or "numpy".

    Example:
        >>> import fastnet
        >>> with fastnet.use_backend("numpy"):
        ...     fastnet.backend.backend()
        'numpy'
    """
    return K.name


def set_backend(name: BackendName) -> None:
    """Select the backend that runs all kernels, in all threads.

    Args:
        name: "compiled" or "numpy".

    Raises:
        ValueError: unknown backend.
        ImportError: the backend is "compiled" and the compiled kernels are not built or broken.

    Example:
        >>> import fastnet
        >>> before = fastnet.backend.config()["backend"]
        >>> fastnet.set_backend("numpy")
        >>> fastnet.set_backend(before)
    """
    K.__dict__ = kernels_of(name)


def use_backend(name: BackendName) -> AbstractContextManager[None]:
    """Context manager that runs all kernels on one backend inside its block, in all threads.

    Args:
        name: "compiled" or "numpy".

    Raises:
        ValueError: unknown backend.
        ImportError: the backend is "compiled" and the compiled kernels are not built or broken.

    Example:
        >>> import fastnet
        >>> with fastnet.use_backend("numpy"):
        ...     fastnet.ones(2) + 1
        tensor([2., 2.])
    """
    return _UsedBackend(name)


class _UsedBackend(Swapped):
    def __init__(self, name: BackendName) -> None:
        super().__init__(K, "__dict__", kernels_of(name))
        self._name = name

    def __repr__(self) -> str:
        return f"use_backend(name={self._name!r})"


# ---- threads and instruction sets -----------------------------------------------------------------------------------

_MOST_THREADS = 1024                    # OpenMP ends the process if it cannot start the threads it is asked for


def get_num_threads() -> int:
    """Maximum number of threads for kernels called from this Python thread; 1 on the NumPy backend.

    Example:
        >>> import fastnet
        >>> fastnet.get_num_threads() >= 1
        True
    """
    return _threads.get_num_threads() if compiled_available else 1


def set_num_threads(n: int) -> None:
    """Set the maximum number of threads for kernels called from this Python thread. Results do not depend on it.

    A forked process always uses one thread.

    Raises:
        RuntimeError: n is not an integer from 1 to 1024.

    Example:
        >>> import fastnet
        >>> threads = fastnet.get_num_threads()
        >>> if fastnet.backend.compiled_available:
        ...     fastnet.set_num_threads(1)
        ...     fastnet.set_num_threads(threads)
    """
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= _MOST_THREADS:
        raise RuntimeError(f"set_num_threads: expected a number of threads from 1 to {_MOST_THREADS}, got {n!r}")
    if not compiled_available:
        warnings.warn("set_num_threads has no effect on the NumPy backend; use threadpoolctl to limit NumPy's threads",
                      RuntimeWarning, stacklevel=2)
        return
    if _threads.forked():
        if n > 1:
            warnings.warn("this process was forked and stays on one thread, because OpenMP's threads do not survive a "
                          "fork; start it with the method 'spawn' to use more", RuntimeWarning, stacklevel=2)
        return
    _threads.set_num_threads(n)


def get_isa() -> str | None:
    """Instruction set of the compiled kernels, one of `available_isas()`; None without compiled kernels.

    Example:
        >>> import fastnet
        >>> fastnet.get_isa() is None or fastnet.get_isa() in fastnet.available_isas()
        True
    """
    return _cpu.isa() if compiled_available else None


def available_isas() -> list[str]:
    """Instruction sets that this build contains and this processor supports, lowest first.

    They are "baseline", "avx2", "avx512" and "avx512vnni" on x86-64, "baseline", "neon" and "neondot" on aarch64.

    Example:
        >>> import fastnet
        >>> fastnet.available_isas()[:1] in (["baseline"], [])
        True
    """
    return _cpu.available() if compiled_available else []


def set_isa(name: str) -> None:
    """Select the instruction set of the compiled kernels, in all threads (FASTNET_ISA selects it at import).

    Args:
        name: one of `available_isas()`.

    Raises:
        ValueError: this build or this processor lacks the instruction set.
        RuntimeError: there are no compiled kernels.

    Example:
        >>> import fastnet
        >>> if fastnet.backend.compiled_available:
        ...     before = fastnet.get_isa()
        ...     fastnet.set_isa("baseline")
        ...     fastnet.set_isa(before)
    """
    if not compiled_available:
        raise RuntimeError(f"set_isa: the compiled kernels are {_absent.status}, so there is no instruction set to "
                           "select")
    _cpu.set_isa(name)


# ---- the configuration ----------------------------------------------------------------------------------------------

def config() -> dict[str, Any]:
    """The configuration that `show_config` prints, as a dictionary.

    Example:
        >>> import fastnet
        >>> sorted(fastnet.backend.config())
        ['backend', 'compiled', 'compiled_error', 'isa', 'isas', 'numpy', 'openmp', 'python', 'threads']
    """
    return {
        "backend": K.name,
        "compiled": "available" if compiled_available else _absent.status,
        "compiled_error": str(_absent.error) if _absent and _absent.status == "broken" else None,
        "isa": get_isa(),
        "isas": available_isas(),
        "openmp": _threads.has_openmp() if compiled_available else False,
        "threads": get_num_threads(),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }


def show_config() -> None:
    """Print the backend, instruction set and number of threads in use, and why compiled kernels are missing.

    Example:
        >>> import fastnet
        >>> fastnet.show_config()           # doctest: +ELLIPSIS
        backend: ...
    """
    for key, value in config().items():
        if value is not None:
            print(f"{key + ':':10s} {', '.join(value) if isinstance(value, list) else value}")


def _choose_at_import() -> None:
    """Apply the environment variables FASTNET_BACKEND and FASTNET_ISA."""
    wanted = os.environ.get("FASTNET_BACKEND", "")
    K.__dict__ = kernels_of(wanted or ("compiled" if compiled_available else "numpy"))
    isa = os.environ.get("FASTNET_ISA")
    if isa and compiled_available:
        set_isa(isa)
    elif isa:
        warnings.warn(f"FASTNET_ISA={isa} has no effect: the compiled kernels are {_absent.status}", RuntimeWarning,
                      stacklevel=2)


_choose_at_import()


def __dir__() -> list[str]:
    return sorted(__all__)
