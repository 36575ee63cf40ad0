"""One table of kernels, K, and everything that decides what stands in it.

The only importer of compiled code. `K.relu(out, x)` runs the compiled kernel where there is one that takes the dtype,
else the NumPy reference. Callers look a kernel up at each call, so `use_backend` holds at once.
"""
import contextvars
import functools
import importlib
import os
import sys
import warnings
from typing import Any

import numpy as np

from fastnet._core.state import Swapped, state
from fastnet._kernels import reference
from fastnet._kernels.reference import random as _reference_random
from fastnet._runtime import native as _native, thread_policy as _policy

random_blocks = _reference_random.blocks        # how many random counters a draw uses up


_compiled, _absent = _native.compiled, _native.absent
compiled_available = not _absent

launch: Any = None
calls = _native.calls
if compiled_available:
    _cpu, launch, _threads, _dispatch = (_compiled[name] for name in ("cpu", "launch", "threads", "dispatch"))
    _threads.set_default_threads(_policy.default_threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_threads.after_fork)


# ---- the table ------------------------------------------------------------------------------------------------------

class _Table:
    """The kernels in use, one attribute each; `name` says which backend they are."""

    name: str


K: Any = _Table()


_silent = contextvars.Context()
_silent.run(np.seterr, all="ignore")


def call_silently(kernel, args, attrs):
    """Call a NumPy kernel: 1/0 is inf and 0/0 is NaN, as in the compiled kernels, without a warning.

    A context is entered and left in C: no exception from outside can leave the caller's NumPy silent.
    """
    _silent.copy().run(kernel, *args, **attrs)


def _reference_call(kernel):
    """A NumPy kernel as the table has it: a recording keeps it as a Python call."""
    def call(*args, **attrs):
        call_silently(kernel, args, attrs)
        if state.recorder is not None:
            state.recorder.add_call(kernel, args, attrs)
    return functools.wraps(kernel)(call)


def _compiled_call(compiled, kernel):
    """A compiled kernel as the table has it: a dtype it lacks goes to the reference, what it can't walk is packed."""
    call = _dispatch.compiled_call(compiled, kernel, _reference_call(kernel), _call_packed)
    return functools.wraps(kernel)(call)


def _call_packed(call, kernel, args, attrs):
    """Copy what is not contiguous or not aligned, call, and copy the outputs back."""
    packed = [_packed(a) for a in args]
    if all(a is b for a, b in zip(args, packed)) and not any(_packed(a) is not a for a in attrs.values()):
        raise RuntimeError(f"{kernel.__name__} asked for contiguous arrays and has them; this is a bug of the kernel")
    call(*packed, **{name: _packed(a) for name, a in attrs.items()})
    for i in kernel.outputs:
        if packed[i] is not args[i]:
            if not args[i].flags.writeable:
                raise ValueError(f"{kernel.__name__}: an output is read-only")
            K.copy(args[i], packed[i])


def _packed(a):
    if not isinstance(a, np.ndarray) or (a.flags.c_contiguous and a.flags.aligned):
        return a
    copy = np.ndarray(a.shape, a.dtype, _native.memory.allocate(a.nbytes))
    K.copy(copy, a)
    return copy


def _kernels():
    """(family, name, reference kernel) of every kernel."""
    for family in reference.FAMILIES:
        module = importlib.import_module(f"fastnet._kernels.reference.{family}")
        for name, fn in vars(module).items():
            if hasattr(fn, "outputs"):
                yield family, name, fn


def _table(name):
    """What K holds on a backend: it is replaced as a whole, which no exception from outside can split.

    Raises:
        ValueError: an unknown name.
        ImportError: "compiled", and the extension is not built or is broken.
    """
    if name not in ("compiled", "numpy"):
        raise ValueError(f"unknown backend {name!r}; choose 'compiled' or 'numpy'")
    if name == "compiled" and not compiled_available:
        raise ImportError(f"the compiled kernels are {_absent.status}: {_absent.error}") from _absent.error
    table = {"name": name}
    for family, kernel_name, kernel in _kernels():
        compiled = getattr(_compiled.get(family), kernel_name, None) if name == "compiled" else None
        table[kernel_name] = _compiled_call(compiled, kernel) if compiled else _reference_call(kernel)
    return table


def backend():
    """The name of the backend in use: "compiled" or "numpy".

    Example:
        >>> import fastnet
        >>> with fastnet.use_backend("numpy"):
        ...     fastnet.backend.backend()
        'numpy'
    """
    return K.name


def set_backend(name):
    """Run every kernel on `name`, "compiled" or "numpy", from now on, in every thread.

    Raises:
        ValueError: an unknown name.
        ImportError: "compiled", and the extension is not built or is broken.
    """
    K.__dict__ = _table(name)


def use_backend(name):
    """Run every kernel inside the `with` block on `name`, in every thread.

    Args:
        name: "compiled" or "numpy".

    Raises:
        ValueError: an unknown name.
        ImportError: "compiled", and the extension is not built or is broken.

    Example:
        >>> import fastnet
        >>> with fastnet.use_backend("numpy"):
        ...     fastnet.ones(2) + 1
        tensor([2., 2.])
    """
    return Swapped(K, "__dict__", _table(name))


_MOST_THREADS = 1024                    # OpenMP ends the process if it cannot start as many as it is asked for


# ---- threads and instruction sets -----------------------------------------------------------------------------------

def get_num_threads():
    """The most threads that kernels called from this Python thread use. The NumPy backend counts as one.

    Example:
        >>> import fastnet
        >>> fastnet.get_num_threads() >= 1
        True
    """
    return _threads.get_num_threads() if compiled_available else 1


def set_num_threads(n):
    """Let kernels called from this Python thread use up to `n` threads. Results do not depend on it.

    A process that was forked stays on one thread.

    Raises:
        RuntimeError: n is no integer from 1 to 1024.
    """
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= _MOST_THREADS:
        raise RuntimeError(f"expected a number of threads from 1 to {_MOST_THREADS}, got {n!r}")
    if not compiled_available:
        warnings.warn("the NumPy backend has no threads of its own; NumPy's are limited with threadpoolctl",
                      RuntimeWarning, stacklevel=2)
        return
    if _threads.forked():
        if n > 1:
            warnings.warn("this process was forked and stays on one thread, as OpenMP's threads do not survive a fork; "
                          "start it by 'spawn' to have more", RuntimeWarning, stacklevel=2)
        return
    _threads.set_num_threads(n)


def get_isa():
    """The instruction set that the compiled kernels run on, one of `available_isas()`, or None on NumPy alone."""
    return _cpu.isa() if compiled_available else None


def available_isas():
    """The instruction sets that this build and this processor both have, lowest first.

    They are "baseline", "avx2" and "avx512" on x86-64, "baseline" and "neon" on aarch64.
    """
    return _cpu.available() if compiled_available else []


def set_isa(name):
    """Run the compiled kernels on another instruction set, in every thread (FASTNET_ISA sets it at import).

    Args:
        name: one of `available_isas()`.

    Raises:
        ValueError: an instruction set that this build or this processor does not have.
        RuntimeError: there are no compiled kernels.
    """
    if not compiled_available:
        raise RuntimeError(f"the compiled kernels are {_absent.status}: there is no instruction set to choose")
    _cpu.set_isa(name)


def config():
    """What runs here, as a dictionary: see `show_config`.

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


def show_config():
    """Print which backend, instruction set and threads are in use, and why."""
    for key, value in config().items():
        if value is not None:
            print(f"{key + ':':10s} {', '.join(value) if isinstance(value, list) else value}")


def _choose():
    wanted = os.environ.get("FASTNET_BACKEND", "")
    set_backend(wanted or ("compiled" if compiled_available else "numpy"))
    isa = os.environ.get("FASTNET_ISA")
    if isa and compiled_available:
        set_isa(isa)
    elif isa:
        warnings.warn(f"FASTNET_ISA={isa} has no effect: the compiled kernels are {_absent.status}", RuntimeWarning,
                      stacklevel=2)


_choose()
