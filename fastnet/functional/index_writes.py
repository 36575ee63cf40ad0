"""Writes and additions at indices along a dimension: what `scatter` and `index_add` have in common."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fastnet._core.errors import not_a_tensor
from fastnet._core.state import state
from fastnet._core.tensor import Tensor
from fastnet.autograd import gradient, op, transposes, writes_out
from fastnet.autograd.views import base_of
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.dims import as_rows
from fastnet.functional.indexing import gather_into, select_rows
from fastnet.functional.inplace import replace_value, writable, write
from fastnet.functional.kernel_calls import contiguous

if TYPE_CHECKING:
    from fastnet._core.annotations import Array, Number, Result, Shape

__all__ = ["IndexWrite", "check_source", "fill_copy", "read_at", "write_copy", "write_in_place", "write_into",
           "written"]


class IndexWrite(NamedTuple):
    """How a source is written at indices.

    Example:
        >>> IndexWrite(0, "add", rows=True).alpha
        1
    """

    dim: int
    mode: str                   # "put", "add" or a reduction of the kernel scatter_
    rows: bool = False          # the index is (m,) and names whole entries, as in index_add
    alpha: float = 1


# ---- arrays ---------------------------------------------------------------------------------------------------------

def write_into(out: Array, index: Array, src: Array, how: IndexWrite) -> None:
    """Write into an array; where the index is shorter than it in other dimensions, into its first entries."""
    part = out if how.rows else _reachable_part(out, index, how.dim)
    target = part if part.flags.c_contiguous else kernels.contiguous_copy(part)
    (out3, *_), (src3, *_) = as_rows(target, (how.dim,)), as_rows(src, (how.dim,))
    if how.rows and how.mode == "put":
        K.copy_rows_(out3, index, src3)
    elif how.rows:
        K.add_rows_(out3, index, src3, how.alpha)
    else:
        K.scatter_(out3, as_rows(index, (how.dim,))[0], src3, how.mode)
    if target is not part:
        K.copy(part, target)


def _reachable_part(x: Array, index: Array, dim: int) -> Array:
    """The entries of x that an index of this shape can reach."""
    if all(n == m for d, (n, m) in enumerate(zip(index.shape, x.shape)) if d != dim):
        return x
    return x[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]


def read_at(x: Array, index: Array, how: IndexWrite, out: Array | None = None) -> Array:
    """The elements or entries of x at the indices, in the shape of the source; in the memory `out`, if it fits."""
    if how.rows:
        return select_rows(x, index, how.dim, out)
    return gather_into(_reachable_part(x, index, how.dim), index, how.dim, out)


def written(x: Array, index: Array, src: Array, how: IndexWrite, out: Array | None = None) -> Array:
    """A contiguous copy of x with the source written into it; in the memory `out`, if it fits."""
    result = kernels.memory_for(x.shape, x.dtype, out)
    K.copy(result, x)
    write_into(result, index, src, how)
    return result


# ---- tensors --------------------------------------------------------------------------------------------------------

def check_source(name: str, argument: str, input: Tensor, src: object) -> None:
    """Refuse a source that is not a tensor of the input's dtype."""
    if not isinstance(src, Tensor):
        raise not_a_tensor(name, argument, src)
    if src.dtype != input.dtype:
        raise RuntimeError(f"{name}: expected {argument} in the input's dtype {input.dtype}, got {src.dtype}")


@op
def _apply(x: Array, index: Array, src: Array, *, how: IndexWrite) -> Result[Array]:
    index = contiguous(index)
    K.check_index(index, x.shape[how.dim])
    slope = gradient(_not_overwritten, index, src.shape, *how) if how.mode == "put" else kernels.same
    return written(x, index, src, how), (slope, None, gradient(_of_source, index, x.shape, *how))


@writes_out
def _not_overwritten(g: Array, index: Array, shape: Shape, *how: Any, out: Array | None = None) -> Array:
    """g with zeros where the source was written."""
    to = IndexWrite(*how)
    if to.rows:
        return _entries_filled(g, index, to.dim, 0, out=out)
    return written(g, index, kernels.full(shape, 0, g.dtype), to, out)


@writes_out
def _of_source(g: Array, index: Array, shape: Shape, *how: Any, out: Array | None = None) -> Array:
    read = IndexWrite(*how)
    if read.alpha == 1:
        return read_at(g, index, read, out)
    return kernels.scale(read_at(g, index, read), read.alpha)


def _source_written(v: Array, index: Array, shape: Shape, *how: Any) -> Array:
    """Zeros with the source added."""
    total = kernels.full(shape, 0, v.dtype)
    write_into(total, index, v, IndexWrite(*how)._replace(mode="add"))
    return total


transposes(_not_overwritten)
transposes(_of_source, _source_written)


@op
def fill_copy(x: Array, dim: int, index: Array, value: Number) -> Result[Array]:
    """A copy of a tensor with a number in the entries at the indices (m,) along a dimension."""
    index = contiguous(index)
    K.check_index(index, x.shape[dim])
    return _entries_filled(x, index, dim, value), (gradient(_entries_filled, index, dim, 0), None, None, None)


@writes_out
def _entries_filled(x: Array, index: Array, dim: int, value: Number, *, out: Array | None = None) -> Array:
    result = kernels.memory_for(x.shape, x.dtype, out)
    K.copy(result, x)
    K.fill_rows_(as_rows(result, (dim,))[0], index, kernels.stored(value, x.dtype))
    return result


transposes(_entries_filled)


def write_copy(input: Tensor, index: Tensor, src: Tensor, how: IndexWrite) -> Tensor:
    """A copy of a tensor with the source written into it; a 0-d tensor counts as one of shape (1,)."""
    if input.ndim:
        return _apply(input, index, src, how=how)
    return _apply(input.reshape(1), index, src, how=how).reshape(())


def write_in_place(name: str, self: Tensor, index: Tensor, src: Tensor, how: IndexWrite) -> Tensor:
    """Write into the memory of a tensor and return it; by way of a copy if gradients or a trace need the old values."""
    writable(name, self)
    tracked = state.grad_enabled and (base_of(self)._requires_grad or src._requires_grad)
    if tracked or state.tracer is not None or self.ndim == 0:
        return replace_value(name, self, write_copy(self, index, src, how))
    places = contiguous(index._data)
    K.check_index(places, self.shape[how.dim])
    return write(name, self, lambda: write_into(self._data, places, src._data, how), (index, src))
