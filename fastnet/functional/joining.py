"""Parts of tensors along a dimension, joining and repeating."""
import operator

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.functional.shape import check_dimensions, copied, expand, reshape, strided, unsqueeze
from fastnet.functional.sizes import as_dim, as_dims, as_shape


@method()
def narrow(input, dim, start, length):
    """A view of `length` entries from `start` on along `dim`.

    Args:
        input: one dimension or more.
        dim: a dimension.
        start: the first entry, a number or a 0-d integer tensor; negative: counted from the end.
        length: how many.

    Raises:
        IndexError: a dimension or a start out of range.
        RuntimeError: a length below 0 or beyond the end, a tensor without dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.narrow(fastnet.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    check_dimensions("narrow", input)
    dim, start = as_dim(input, dim), _start(start)
    n = input.shape[dim]
    if not -n <= start <= n:
        raise IndexError(f"narrow: start {start} is out of range for dimension {dim} of shape {shape_text(input)}: "
                         f"expected {-n} to {n}")
    start = start + n if start < 0 else start
    if not 0 <= length <= n - start:
        raise RuntimeError(f"narrow: {length} entries from {start} on are not in dimension {dim} of shape "
                           f"{shape_text(input)}")
    return input[(slice(None),) * dim + (slice(start, start + length),)]


def _start(start):
    """The start of a narrowed tensor as a Python number."""
    if isinstance(start, Tensor) and (start.ndim or start.dtype.kind not in "iu"):
        raise RuntimeError(f"narrow: expected start to be a number or a 0-d integer tensor, got {start.dtype} of shape "
                           f"{shape_text(start)}")
    return operator.index(start)


@method()
def select(input, dim, index):
    """A view of one entry along `dim`, without that dimension.

    Raises:
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.select(fastnet.tensor([[1, 2], [3, 4]]), 1, 0)
        tensor([1, 3])
    """
    if input.ndim == 0:
        raise IndexError("select: expected a tensor with dimensions, got a 0-d tensor")
    return input[(slice(None),) * as_dim(input, dim) + (index,)]


@method()
def split(tensor, split_size_or_sections, dim=0):
    """A tuple of views along `dim`.

    Args:
        tensor: any shape.
        split_size_or_sections: a length for all (the last may be shorter), or a list of lengths.
        dim: a dimension.

    Raises:
        RuntimeError: a length that is not positive (or 0, for a dimension of length 0), lengths that don't add
            up, a tensor without dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.split(fastnet.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        >>> fastnet.split(fastnet.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """
    check_dimensions("split", tensor)
    dim, sizes = as_dim(tensor, dim), split_size_or_sections
    n = tensor.shape[dim]
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and n):
            raise RuntimeError(f"split: expected a positive length, got {sizes}")
        sizes = [min(sizes, n - start) for start in range(0, n, max(sizes, 1))] or [0]
    elif sum(sizes) != n:
        raise RuntimeError(f"split: the lengths {list(sizes)} add up to {sum(sizes)}, dimension {dim} of shape "
                           f"{shape_text(tensor)} has {n}")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(narrow(tensor, dim, start, size) for start, size in zip(starts, sizes))


@method()
def chunk(input, chunks, dim=0):
    """At most `chunks` views of equal lengths along `dim`; the last may be shorter.

    Raises:
        RuntimeError: a number of chunks that is not positive, or a tensor without dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.chunk(fastnet.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    check_dimensions("chunk", input)
    if chunks <= 0:
        raise RuntimeError(f"chunk: expected a positive number of chunks, got {chunks}")
    n = input.shape[as_dim(input, dim)]
    return split(input, -(-n // chunks) if n else [0] * chunks, dim)


@method()
def unbind(input, dim=0):
    """The entries along `dim`, a tuple of views.

    Raises:
        IndexError: a dimension out of range.

    Example:
        >>> import fastnet
        >>> fastnet.unbind(fastnet.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    dim = as_dim(input, dim)
    return tuple(select(input, dim, i) for i in range(input.shape[dim]))


def _iterate(self):
    if self.ndim == 0:
        raise TypeError("a 0-d tensor cannot be iterated over")
    return iter(unbind(self))


extend(__iter__=_iterate)


def _listed(name, tensors, error=RuntimeError):
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}: expected a sequence of tensors, got one tensor of shape {shape_text(tensors)}")
    tensors = list(tensors)
    if not tensors:
        raise error(f"{name}: expected at least one tensor")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, f"element {i}", x)
    return tensors


def _part(g, place, shape):
    return g[place].reshape(shape)


@op
def _cat(*parts, shape, dim):
    """The arrays along `dim`; `shape` is that of one of them. Those of shape (0,) add nothing."""
    sizes = [0 if p.size == 0 and p.ndim != len(shape) else p.shape[dim] for p in parts]
    dtype = dtypes.result_type(*parts)
    out, start, places = empty((*shape[:dim], sum(sizes), *shape[dim + 1:]), dtype), 0, []
    for p, size in zip(parts, sizes):
        place = (slice(None),) * dim + (slice(start, start + size),)
        if p.size:
            K.copy(out[place], p)
        places.append(gradient(_part, place, p.shape))
        start += size
    return out, tuple(places)


def cat(tensors, dim=0):
    """The tensors one behind the other along `dim`, in a copy.

    Args:
        tensors: tensors that agree in all other dimensions; dtypes are promoted. Those of shape (0,) fit all others.
        dim: a dimension.

    Raises:
        ValueError: no tensors.
        RuntimeError: shapes that don't fit (both are named).
        TypeError: something else among them.

    Example:
        >>> import fastnet
        >>> fastnet.cat([fastnet.tensor([[1, 2]]), fastnet.tensor([[3, 4]])])
        tensor([[1, 2],
                [3, 4]])
    """
    tensors = _listed("cat", tensors, ValueError)
    shaped = [i for i, x in enumerate(tensors) if x.shape != (0,)] or [0]
    first = tensors[shaped[0]]
    check_dimensions("cat", first)
    dim = as_dim(first, dim) if first.shape != (0,) else 0
    for i in shaped:
        x = tensors[i]
        differ = [d for d, (a, b) in enumerate(zip(x.shape, first.shape)) if a != b and d != dim]
        if x.ndim != first.ndim or differ:
            raise RuntimeError(f"cat: tensor {i} has shape {shape_text(x)}, tensor {shaped[0]} {shape_text(first)}; "
                               f"they may differ in dimension {dim} only")
    return _cat(*tensors, shape=first.shape, dim=dim)


concat = concatenate = cat


def stack(tensors, dim=0):
    """Tensors of one shape along a new dimension, in a copy.

    Args:
        tensors: tensors of one shape.
        dim: where the new dimension is put in.

    Raises:
        RuntimeError: no tensors, or two shapes (both are named).
        TypeError: something else among them.

    Example:
        >>> import fastnet
        >>> fastnet.stack([fastnet.tensor([1, 2]), fastnet.tensor([3, 4])], 1)
        tensor([[1, 3],
                [2, 4]])
    """
    tensors = _listed("stack", tensors)
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(f"stack: tensor {i} has shape {shape_text(x)}, tensor 0 {shape_text(tensors[0])}; they "
                               "must agree")
    return cat([unsqueeze(x, dim) for x in tensors], as_dim(tensors[0], dim, extra=1))


@method()
def flip(input, dims, *more):
    """The elements in reverse order along `dims` (numbers or one tuple), as a copy.

    Raises:
        IndexError: a dimension out of range.
        RuntimeError: a dimension named twice.

    Example:
        >>> import fastnet
        >>> fastnet.flip(fastnet.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    dims = as_dims("flip", input, as_shape((dims, *more)))
    key = [slice(None, None, -1 if i in dims else None) for i in range(input.ndim)]
    return copied(strided(input, (*key, ...)))            # ... keeps a single element an array


@method()
def repeat(input, *repeats):
    """The tensor tiled repeats[i] times along each dimension, as a copy; further dimensions come first.

    Raises:
        RuntimeError: fewer numbers than dimensions, or a negative one.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    counts = as_shape(repeats)
    extra = len(counts) - input.ndim
    if extra < 0:
        raise RuntimeError(f"repeat: expected at least {input.ndim} numbers for shape {shape_text(input)}, got "
                           f"{counts}")
    check_sizes("repeat", repeats=counts)
    shape = (1,) * extra + input.shape
    tiled = expand(reshape(input, *[n for size in shape for n in (1, size)]),
                   *[n for count, size in zip(counts, shape) for n in (count, size)])
    return reshape(copied(tiled), *[count * size for count, size in zip(counts, shape)])
