"""Shapes: views, where the memory allows, and joining and splitting."""
import math

import numpy as np

from fastnet import dtypes
from fastnet.autograd import op
from fastnet.backend import K
from fastnet.errors import shape_text
from fastnet.functional import arrays
from fastnet.memory import empty
from fastnet.tensor import Tensor, extend, method


def as_shape(shape):
    """A shape given as numbers or as one tuple."""
    if len(shape) == 1 and not isinstance(shape[0], int | np.integer | Tensor):
        shape = shape[0]
    return tuple(int(n) for n in shape)


def _filled_in(x, shape):
    """A shape with its one -1 worked out.

    Raises:
        RuntimeError: x has another number of elements; both shapes are named.
    """
    known = math.prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and known and x.size % known == 0:
        shape = tuple(x.size // known if n == -1 else n for n in shape)
    if -1 in shape or math.prod(shape) != x.size:
        raise RuntimeError(f"shape {shape_text(shape)} does not fit a tensor of shape {shape_text(x)}, "
                           f"{x.size} elements")
    return shape


@op(view=True)
def _view(x, shape):
    before = x.shape
    return x.reshape(shape), (lambda g: arrays.reshaped(g, before), None)


@op
def _copied(x):
    return arrays.copy(x), (lambda g: g,)


@op(view=True)
def _transposed(x, order):
    inverse = np.argsort(order)
    return x.transpose(order), (lambda g: g.transpose(inverse), None)


@op(view=True)
def _expanded(x, shape):
    return np.broadcast_to(x, shape), (lambda g: g, None)


def _viewable(x, shape):
    """Whether `shape` can be a view of the array x: NumPy's reshape would not copy."""
    if x.flags.c_contiguous or x.size == 0:
        return True
    return np.may_share_memory(x, x.reshape(shape))


@method()
def view(input, *shape):
    """The same memory in another shape; one length may be -1.

    Raises:
        RuntimeError: the elements don't fit, or the memory's layout doesn't allow a view (use `reshape`).
    """
    if len(shape) == 1 and not isinstance(shape[0], int | tuple | list):
        raise TypeError(f"view: expected a shape, got {shape[0]!r}")
    shape = _filled_in(input._data, as_shape(shape))
    if not _viewable(input._data, shape):
        raise RuntimeError(f"a tensor of shape {shape_text(input)} and strides {input.stride()} has no view of shape "
                           f"{shape_text(shape)}; use reshape")
    return _view(input, shape)


@method()
def reshape(input, *shape):
    """The same elements in another shape: a view where possible, else a copy; one length may be -1."""
    shape = _filled_in(input._data, as_shape(shape))
    return _view(input if _viewable(input._data, shape) else _copied(input), shape)


@method()
def view_as(input, other):
    """A view in the shape of `other`."""
    return view(input, other.shape)


@method()
def reshape_as(input, other):
    """`reshape` to the shape of `other`."""
    return reshape(input, other.shape)


def _dim(input, dim, extra=0):
    """A dimension counted from the front."""
    n = max(input.ndim + extra, 1)
    if not -n <= dim < n:
        raise IndexError(f"dimension {dim} is out of range for shape {shape_text(input)}: expected {-n} to {n - 1}")
    return dim % n


@method()
def flatten(input, start_dim=0, end_dim=-1):
    """The dimensions from start_dim to end_dim as one."""
    if input.ndim == 0:
        return reshape(input, 1)
    first, last = _dim(input, start_dim), _dim(input, end_dim)
    if first > last:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(input, *input.shape[:first], math.prod(input.shape[first:last + 1]), *input.shape[last + 1:])


@method()
def unflatten(input, dim, sizes):
    """One dimension as several."""
    dim = _dim(input, dim)
    return reshape(input, *input.shape[:dim], *_filled_in(np.empty(input.shape[dim]), tuple(sizes)),
                   *input.shape[dim + 1:])


@method("swapaxes", "swapdims")
def transpose(input, dim0, dim1):
    """A view with two dimensions exchanged."""
    if input.ndim == 0:
        return input
    order = list(range(input.ndim))
    a, b = _dim(input, dim0), _dim(input, dim1)
    order[a], order[b] = b, a
    return _transposed(input, tuple(order))


@method()
def t(input):
    """The transpose of a matrix; a vector as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() takes at most 2 dimensions, got shape {shape_text(input)}")
    return transpose(input, 0, 1) if input.ndim == 2 else input


@method()
def permute(input, *dims):
    """A view with the dimensions in another order."""
    dims = tuple(_dim(input, d) for d in as_shape(dims))
    if sorted(dims) != list(range(input.ndim)):
        raise RuntimeError(f"permute: {dims} is no order of the {input.ndim} dimensions of shape {shape_text(input)}")
    return _transposed(input, dims)


def movedim(input, source, destination):
    """A view with one dimension moved to another place."""
    order = [i for i in range(input.ndim) if i != _dim(input, source)]
    order.insert(_dim(input, destination), _dim(input, source))
    return _transposed(input, tuple(order))


@method()
def expand(input, *sizes):
    """A view repeated along dimensions of length 1; -1 keeps a length.

    Raises:
        RuntimeError: a dimension is neither 1 nor of that length.
    """
    sizes = as_shape(sizes)
    extra = len(sizes) - input.ndim
    shape = tuple(input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(sizes))
    if extra < 0 or any(a not in (1, n) for a, n in zip(input.shape, shape[extra:])) or -1 in shape:
        raise RuntimeError(f"shape {shape_text(input)} does not expand to {shape_text(sizes)}")
    return _expanded(input, shape)


@method()
def expand_as(input, other):
    """`expand` to the shape of `other`."""
    return expand(input, other.shape)


def broadcast_to(input, shape):
    """`expand` to `shape`."""
    return expand(input, shape)


@method()
def squeeze(input, dim=None):
    """A view without the dimensions of length 1, or without those named that are."""
    dims = range(input.ndim) if dim is None else [_dim(input, d) for d in (dim if isinstance(dim, tuple) else (dim,))]
    return _view(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


@method()
def unsqueeze(input, dim):
    """A view with a dimension of length 1 put in at `dim`."""
    dim = _dim(input, dim, extra=1)
    return _view(input, (*input.shape[:dim], 1, *input.shape[dim:]))


@method()
def narrow(input, dim, start, length):
    """A view of `length` entries from `start` on along `dim`."""
    dim = _dim(input, dim)
    if not 0 <= start <= start + length <= input.shape[dim]:
        raise RuntimeError(f"narrow: {start} to {start + length} is out of range for dimension {dim} of shape "
                           f"{shape_text(input)}")
    return input[(slice(None),) * dim + (slice(start, start + length),)]


@method()
def select(input, dim, index):
    """A view of one entry along `dim`, without that dimension."""
    return input[(slice(None),) * _dim(input, dim) + (index,)]


@method()
def split(tensor, split_size_or_sections, dim=0):
    """A tuple of views along `dim`: of equal lengths (the last may be shorter), or of the given ones."""
    dim, sizes = _dim(tensor, dim), split_size_or_sections
    n = tensor.shape[dim]
    if isinstance(sizes, int):
        if sizes <= 0:
            raise RuntimeError(f"split: expected a positive length, got {sizes}")
        sizes = [min(sizes, n - start) for start in range(0, max(n, 1), sizes)]
    elif sum(sizes) != n:
        raise RuntimeError(f"split: the lengths {list(sizes)} add up to {sum(sizes)}, dimension {dim} of shape "
                           f"{shape_text(tensor)} has {n}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, dim, start, size) for start, size in zip(starts, sizes))


@method()
def chunk(input, chunks, dim=0):
    """At most `chunks` views of equal lengths along `dim`; the last may be shorter."""
    return split(input, max(1, -(-input.shape[_dim(input, dim)] // chunks)), dim)


@method()
def unbind(input, dim=0):
    """The entries along `dim`, a tuple of views."""
    dim = _dim(input, dim)
    return tuple(select(input, dim, i) for i in range(input.shape[dim]))


def _iterate(self):
    if self.ndim == 0:
        raise TypeError("a 0-d tensor cannot be iterated over")
    return iter(unbind(self))


extend(__iter__=_iterate,
       T=property(lambda self: permute(self, *reversed(range(self.ndim))), doc="All dimensions reversed."),
       mT=property(lambda self: transpose(self, -2, -1), doc="The last two dimensions exchanged."))


def _part(place):
    return lambda g: g[place]


@op
def _cat(*parts, dim):
    shape = list(parts[0].shape)
    shape[dim] = sum(p.shape[dim] for p in parts)
    dtype = dtypes.result_type(*parts)
    out, start, places = empty(tuple(shape), dtype), 0, []
    for p in parts:
        place = (slice(None),) * dim + (slice(start, start + p.shape[dim]),)
        K.copy(out[place], p)
        places.append(place)
        start += p.shape[dim]
    return out, tuple(_part(place) for place in places)


def cat(tensors, dim=0):
    """The tensors one behind the other along `dim`; the other dimensions must agree.

    Raises:
        RuntimeError: no tensors, or shapes that don't fit (both are named).
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("cat: expected at least one tensor")
    dim = _dim(tensors[0], dim)
    first = tensors[0].shape
    for i, x in enumerate(tensors):
        differ = [d for d, (a, b) in enumerate(zip(x.shape, first)) if a != b and d != dim]
        if x.ndim != len(first) or x.ndim == 0 or differ:
            raise RuntimeError(f"cat: tensor {i} has shape {shape_text(x)}, tensor 0 {shape_text(first)}; they may "
                               f"differ in dimension {dim} only")
    return _cat(*tensors, dim=dim)


concat = concatenate = cat


def stack(tensors, dim=0):
    """Tensors of one shape along a new dimension.

    Raises:
        RuntimeError: no tensors, or two shapes (both are named).
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack: expected at least one tensor")
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(f"stack: tensor {i} has shape {shape_text(x)}, tensor 0 {shape_text(tensors[0])}; they "
                               "must agree")
    return cat([unsqueeze(x, dim) for x in tensors], _dim(tensors[0], dim, extra=1))


@op(view=True)
def _strided(x, key):
    def dx(g):
        out = arrays.full(x_shape, 0, g.dtype)
        K.copy(out[key], g)
        return out
    x_shape = x.shape
    return x[key], (dx, None)


@method()
def flip(input, dims):
    """The elements in reverse order along `dims`, as a copy."""
    dims = [_dim(input, d) for d in (dims if isinstance(dims, tuple | list) else (dims,))]
    return _copied(_strided(input, tuple(slice(None, None, -1 if i in dims else None) for i in range(input.ndim))))


@method()
def repeat(input, *sizes):
    """The tensor tiled sizes[i] times along each dimension."""
    sizes = as_shape(sizes)
    extra = len(sizes) - input.ndim
    if extra < 0:
        raise RuntimeError(f"repeat: expected at least {input.ndim} numbers for shape {shape_text(input)}, got {sizes}")
    shape = (1,) * extra + input.shape
    tiled = expand(reshape(input, *[n for size in shape for n in (1, size)]),
                   *[n for count, size in zip(sizes, shape) for n in (count, size)])
    return reshape(tiled, *[count * size for count, size in zip(sizes, shape)])


@method()
def clone(input):
    """A contiguous copy that gradients flow through."""
    return _copied(input)


@method()
def contiguous(input):
    """The tensor in C order: itself where it is."""
    return input if input.is_contiguous() else _copied(input)


@op
def _cast(x, dtype):
    return arrays.cast(x, dtype), (lambda g: g, None)


@method("type")
def to(input, *args, dtype=None, copy=False):
    """The tensor in another dtype (itself where it has it already). A device may be named: only "cpu" exists.

    Args:
        args: a dtype, "cpu", or a tensor whose dtype to take.
        copy: always copy.
    """
    for a in args:
        if isinstance(a, Tensor):
            dtype = a.dtype
        elif isinstance(a, str) and a.partition(":")[0] == "cpu":
            continue
        else:
            dtype = a
    dtype = input.dtype if dtype is None else dtypes.as_dtype(dtype)
    if dtype == input.dtype:
        return _copied(input) if copy else input
    return _cast(input, dtype)


def _to(name, dtype):
    def function(self):
        return to(self, dtype)
    function.__name__, function.__doc__ = name, f"The tensor as {dtype.name}."
    method()(function)


for _name, _dtype in (("float", dtypes.float32), ("double", dtypes.float64), ("long", dtypes.int64),
                      ("int", dtypes.int32), ("bool", dtypes.bool_), ("byte", dtypes.uint8)):
    _to(_name, _dtype)


@method()
def type_as(input, other):
    """The tensor in the dtype of `other`."""
    return to(input, other.dtype)

