"""Assignment by index, `x[key] = value`."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnet._core.errors import shape_text
from fastnet._core.state import forbid_in_recording, state
from fastnet._core.tensor import Tensor, extend
from fastnet.autograd import gradient, op, transposes
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.indexing import getitem
from fastnet.functional.inplace import replace_value, writable, write
from fastnet.functional.keys import as_key, pick, put, selected_shape, selection

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, ArrayLike, Result, Shape
    from fastnet.functional.keys import Key

__all__ = ["setitem"]


@op
def _put(x: Array, value: Array, view: tuple[Any, ...], *picks: Any) -> Result[Array]:
    """x with x[view][picks] = value, in a copy."""
    out = kernels.copy(x)
    _put_array(out, value, view, picks)
    return out, (gradient(_rest, view, picks), gradient(_written_part, view, picks, x.shape), None,
                 *(None for _ in picks))


def _rest(g: Array, view: tuple[Any, ...], picks: tuple[Any, ...]) -> Array:
    """g with zeros at the elements that were overwritten."""
    rest = kernels.copy(g)
    _put_array(rest, kernels.scalar(0, g.dtype), view, picks)
    return rest


def _written_part(g: Array, view: tuple[Any, ...], picks: tuple[Any, ...], shape: Shape) -> Array:
    """The elements of g that were overwritten."""
    part = g[view] if view else g
    return pick(part, picks) if picks else part


def _part_added(v: Array, view: tuple[Any, ...], picks: tuple[Any, ...], shape: Shape) -> Array:
    """Zeros with the elements added that were overwritten."""
    total = kernels.full(shape, 0, v.dtype)
    part = total[view] if view else total
    if picks:
        _, in_order = selection(part, picks)
        K.index_add_(part, in_order(v) if in_order else v, *picks)
    else:
        K.copy(part, v)
    return total


transposes(_rest)
transposes(_written_part, _part_added)


def _put_array(x: Array, value: Array, view: tuple[Any, ...], picks: tuple[Any, ...]) -> None:
    part = x[view] if view else x
    if picks:
        put(part, value, picks)
    else:
        K.copy(part, value)


def setitem(self: Tensor, key: Key, value: Tensor | ArrayLike) -> None:
    """self[key] = value.

    Args:
        key: as for reading.
        value: a tensor, a NumPy array or a number, broadcast to the selection and cast. Gradients flow to a tensor.

    Raises:
        IndexError: an index out of range.
        RuntimeError: a shape that does not broadcast, an integer that the dtype cannot hold, or a tensor that cannot
            be written in place.

    Example:
        >>> import fastnet
        >>> x = fastnet.zeros(2, 3)
        >>> x[0] = fastnet.tensor([1.0, 2.0, 3.0])
        >>> x[:, 1] = 7
        >>> x
        tensor([[1., 7., 3.],
                [0., 7., 0.]])
    """
    writable("assignment by index", self)
    view, picks = as_key(self, key)
    array = value._data if isinstance(value, Tensor) else None
    if array is None:
        if state.recorder is not None and isinstance(value, np.ndarray):
            forbid_in_recording("assigning a NumPy array")
        array = kernels.stored(value, self.dtype) if isinstance(value, int | float) else np.asarray(value)
        if array.dtype.kind not in "biuf" and array.dtype != self.dtype:
            raise TypeError(f"assignment by index: expected numbers or a tensor, got {value!r}")
        if state.recorder is not None:
            state.recorder.constant(array)
    array = kernels.cast(array, self.dtype)
    picked = tuple(k._data if isinstance(k, Tensor) else k for k in picks)
    extra = _check_fits(self, selected_shape(self, view, picked), array)
    if extra > 0:                       # leading dimensions of length 1 that the selection does not have
        front = (0,) * extra + (...,)
        array, value = array[front], getitem(value, front) if isinstance(value, Tensor) else value
    tracked = state.grad_enabled and (self._requires_grad or getattr(value, "_requires_grad", False))
    if tracked or state.tracer is not None:
        given = value if isinstance(value, Tensor) else array
        replace_value("assignment by index", self, _put(self, given, view, *picks))
        return
    write("assignment by index", self, lambda: _put_array(self._data, array, view, picked), (value, *picks))


def _check_fits(x: Tensor, shape: Shape, value: Array) -> int:
    """Refuse a value that does not broadcast to the selection from x; return how many dimensions it has more."""
    lead = len(value.shape) - len(shape)
    fits = all(n == 1 for n in value.shape[:max(lead, 0)]) and all(
        a in (1, b) for a, b in zip(value.shape[::-1], shape[::-1]))
    if not fits:
        raise RuntimeError(f"a value of shape {shape_text(value)} cannot be assigned to {shape_text(shape)} elements "
                           f"of a tensor of shape {shape_text(x)}")
    return lead


extend(__setitem__=setitem)
