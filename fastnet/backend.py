"""The kernel table K, the choice of the backend, threads and instruction sets.

`_runtime/native.py` imports the compiled modules. `K.relu(out, x)` runs the compiled kernel if it supports the dtype,
else the NumPy reference. Each call looks its kernel up in K, so `use_backend` takes effect at once.
"""
from __future__ import annotations

import functools
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from fastnet._core.silent_calls import call_silently
from fastnet._core.state import Swapped, state
from fastnet._kernels import reference
from fastnet._kernels.reference import random as _reference_random
from fastnet._kernels.reference.tools.matrices import LinAlgError
from fastnet._runtime import native as _native, thread_policy as _policy

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = ["LinAlgError", "available_isas", "backend", "config", "get_isa", "get_num_threads", "set_backend", "set_isa",
           "set_num_threads", "show_config", "use_backend"]

BackendName: TypeAlias = Literal["compiled", "numpy"]
Kernel: TypeAlias = Callable[..., None]

random_blocks: Callable[[int, DType], int] = _reference_random.blocks       # counters that a draw uses

_compiled, _absent = _native.compiled, _native.absent
compiled_available: bool = not _absent

launch: Any = None
if compiled_available:
    _cpu, launch, _threads, _dispatch = (_compiled[name] for name in ("cpu", "launch", "threads", "dispatch"))
    _threads.set_default_threads(_policy.default_threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_threads.after_fork)


# ---- the table ------------------------------------------------------------------------------------------------------

class _KernelTable:
    """The kernels in use, one attribute per kernel; `name` is the name of their backend."""

    name: str


K: Any = _KernelTable()
_native.pointwise.set_kernels(K)


def _reference_call(kernel: Kernel) -> Kernel:
    """Wrap a NumPy kernel for the table: recordings keep its calls as Python calls."""
    def call(*args: Any, **attrs: Any) -> None:
        call_silently(kernel, args, attrs)
        if state.recorder is not None:
            state.recorder.add_call(kernel, args, attrs)
    return functools.wraps(kernel)(call)


def _widening_call(kernel: Any) -> Kernel:
    """As `_reference_call`; with arrays of float16 or bfloat16, the kernel of the table runs on float32 copies."""
    reference_call = _reference_call(kernel)
    if kernel.__name__ == "copy":
        return reference_call

    def call(*args: Any, **attrs: Any) -> None:
        if any(type(a) is np.ndarray and _is_narrow(a.dtype) for a in (*args, *attrs.values())):
            _call_widened(kernel, args, attrs)
        else:
            reference_call(*args, **attrs)
    return functools.wraps(kernel)(call)


_FLOAT16 = np.dtype(np.float16)
_FLOAT32 = np.dtype(np.float32)


def _is_narrow(dtype: DType) -> bool:
    """Whether a dtype is for storage: float16, or bfloat16, whose kind is "V"."""
    return dtype is _FLOAT16 or dtype.kind == "V"


def _call_widened(kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any]) -> None:
    """Call a kernel with float32 copies of the arrays of 16-bit floats, and round its results."""
    wide = [_widened(a) for a in args]
    getattr(K, kernel.__name__)(*wide, **{name: _widened(a) for name, a in attrs.items()})
    for i in kernel.outputs:
        if wide[i] is not args[i]:
            K.copy(args[i], wide[i])


def _widened(a: Any) -> Any:
    if type(a) is not np.ndarray or not _is_narrow(a.dtype):
        return a
    copy = _native.memory.empty_like(a, _FLOAT32)
    K.copy(copy, a)
    return copy


def _call_packed(call: Kernel, kernel: Any, args: Sequence[Any], attrs: Mapping[str, Any],
                 channels_last: bool) -> None:
    """Call a kernel with packed copies of the arrays that are not contiguous or not aligned; copy the outputs back.

    Args:
        channels_last: the copies are channels-last, for an elementwise kernel whose output is.
    """
    pack = _channels_last_copy if channels_last else _contiguous_copy
    packed = [pack(a) for a in args]
    if all(a is b for a, b in zip(args, packed)) and not any(pack(a) is not a for a in attrs.values()):
        raise RuntimeError(f"{kernel.__name__}: the kernel asked for contiguous arrays, but all arrays are contiguous; "
                           "this is a bug in the kernel, please report it")
    call(*packed, **{name: pack(a) for name, a in attrs.items()})
    for i in kernel.outputs:
        if packed[i] is not args[i]:
            if not args[i].flags.writeable:
                raise ValueError(f"{kernel.__name__}: expected a writable output, got a read-only array")
            K.copy(args[i], packed[i])


def _contiguous_copy(a: Any) -> Any:
    """A contiguous, aligned copy of an array that is not; anything else unchanged."""
    if not isinstance(a, np.ndarray) or (a.flags.c_contiguous and a.flags.aligned):
        return a
    copy = np.ndarray(a.shape, a.dtype, _native.memory.allocate(a.nbytes))
    K.copy(copy, a)
    return copy


def _channels_last_copy(a: Any) -> Any:
    """A channels-last copy of an array over images that has another layout; anything else unchanged."""
    memory = _native.memory
    if not isinstance(a, np.ndarray) or a.ndim < 3 or (memory.is_channels_last(a, True) and a.flags.aligned):
        return a
    copy = memory.empty_channels_last(a.shape, a.dtype)
    K.copy(copy, a)
    return copy


def _reference_entry(family: str, name: str) -> Kernel:
    """The entry of the table for a NumPy kernel."""
    return _widening_call(getattr(_reference(family), name))


def _reference(family: str) -> Any:
    """The module of a family's NumPy kernels."""
    return importlib.import_module(f"fastnet._kernels.reference.{family}")


def _reference_entries(family: str) -> dict[str, Kernel]:
    """{name: entry of the table} of a family's NumPy kernels."""
    return {name: _widening_call(fn) for name, fn in vars(_reference(family)).items() if hasattr(fn, "outputs")}


def _compiled_entries(family: str) -> dict[str, Kernel]:
    """{name: entry of the table} of a family's compiled kernels, the public functions of its module.

    A kernel whose dtype or recording needs the reference imports it, so that `import fastnet` stays fast.
    """
    return {name: _dispatch.KernelCall(fn, functools.partial(_reference_entry, family, name), _call_packed)
            for name, fn in vars(_compiled[family]).items()
            if not name.startswith("_") and callable(fn) and not isinstance(fn, type)}


def _table(name: str) -> dict[str, Any]:
    """The contents of K for a backend. K's dictionary is replaced as a whole, so no interrupt can leave a mixture.

    Raises:
        ValueError: unknown backend.
        ImportError: the backend is "compiled" and the compiled kernels are not built or broken.
    """
    if name not in ("compiled", "numpy"):
        raise ValueError(f"unknown backend {name!r}; choose 'compiled' or 'numpy'")
    if name == "compiled" and not compiled_available:
        raise ImportError(f"the compiled kernels are {_absent.status}: {_absent.error}") from _absent.error
    table: dict[str, Any] = {"name": name}
    for family in reference.FAMILIES:
        compiled = name == "compiled" and family in _compiled
        table.update(_compiled_entries(family) if compiled else _reference_entries(family))
    return table


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
    K.__dict__ = _table(name)


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
        super().__init__(K, "__dict__", _table(name))
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
    K.__dict__ = _table(wanted or ("compiled" if compiled_available else "numpy"))
    isa = os.environ.get("FASTNET_ISA")
    if isa and compiled_available:
        set_isa(isa)
    elif isa:
        warnings.warn(f"FASTNET_ISA={isa} has no effect: the compiled kernels are {_absent.status}", RuntimeWarning,
                      stacklevel=2)


_choose_at_import()


def __dir__() -> list[str]:
    return sorted(__all__)
