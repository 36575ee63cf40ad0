"""The kernel table K: compiled kernels, and NumPy's for dtypes and layouts that those do not have.

`K.relu(out, x)` runs the compiled kernel if it supports the dtype, else the NumPy reference. `fastnet.backend` chooses
what the table holds; each call looks its kernel up in K, so a change takes effect at once.
"""
from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastnet._core.silent_calls import call_silently
from fastnet._core.state import state
from fastnet._kernels import reference
from fastnet._runtime.native import absent, compiled, memory, pointwise

if TYPE_CHECKING:
    from fastnet._core.annotations import DType

__all__ = ["K", "kernels_of"]

Kernel: TypeAlias = Callable[..., None]


class _KernelTable:
    """The kernels in use, one attribute per kernel; `name` is the name of their backend."""

    name: str


K: Any = _KernelTable()
pointwise.set_kernels(K)


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
    copy = memory.empty_like(a, _FLOAT32)
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
    copy = np.ndarray(a.shape, a.dtype, memory.allocate(a.nbytes))
    K.copy(copy, a)
    return copy


def _channels_last_copy(a: Any) -> Any:
    """A channels-last copy of an array over images that has another layout; anything else unchanged."""
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
    return {name: compiled["dispatch"].KernelCall(fn, functools.partial(_reference_entry, family, name), _call_packed)
            for name, fn in vars(compiled[family]).items()
            if not name.startswith("_") and callable(fn) and not isinstance(fn, type)}


def kernels_of(name: str) -> dict[str, Any]:
    """The contents of K for a backend.

    Raises:
        ValueError: unknown backend.
        ImportError: the backend is "compiled" and the compiled kernels are not built or broken.
    """
    if name not in ("compiled", "numpy"):
        raise ValueError(f"unknown backend {name!r}; choose 'compiled' or 'numpy'")
    if name == "compiled" and absent:
        raise ImportError(f"the compiled kernels are {absent.status}: {absent.error}") from absent.error
    table: dict[str, Any] = {"name": name}
    for family in reference.FAMILIES:
        is_compiled = name == "compiled" and family in compiled
        table.update(_compiled_entries(family) if is_compiled else _reference_entries(family))
    return table
