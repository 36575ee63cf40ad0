"""Joining, splitting and repeating."""
from fastnet import dtypes
from fastnet.autograd import gradient, op
from fastnet.backend import K
from fastnet.errors import not_a_tensor, shape_text
from fastnet.functional.shape import _copied, _dim, _strided, expand, narrow, reshape, select, unsqueeze
from fastnet.functional.sizes import as_shape
from fastnet.memory import empty
from fastnet.tensor import Tensor, extend, method


@method()
def split(tensor, split_size_or_sections, dim=0):
    """A tuple of views along `dim`.

    Args:
        tensor: any shape.
        split_size_or_sections: a length for all (the last may be shorter), or a list of lengths.
        dim: a dimension.

    Raises:
        RuntimeError: a length that is not positive, or lengths that don't add up.

    Example:
        >>> import fastnet
        >>> fastnet.split(fastnet.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        >>> fastnet.split(fastnet.arange(5), [1, 4])
        (tensor([0]), tensor([1, 2, 3, 4]))
    """
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
    """At most `chunks` views of equal lengths along `dim`; the last may be shorter.

    Raises:
        RuntimeError: a number of chunks that is not positive.

    Example:
        >>> import fastnet
        >>> fastnet.chunk(fastnet.arange(5), 2)
        (tensor([0, 1, 2]), tensor([3, 4]))
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk: expected a positive number of chunks, got {chunks}")
    return split(input, max(1, -(-input.shape[_dim(input, dim)] // chunks)), dim)


@method()
def unbind(input, dim=0):
    """The entries along `dim`, a tuple of views.

    Example:
        >>> import fastnet
        >>> fastnet.unbind(fastnet.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    dim = _dim(input, dim)
    return tuple(select(input, dim, i) for i in range(input.shape[dim]))


def _iterate(self):
    if self.ndim == 0:
        raise TypeError("a 0-d tensor cannot be iterated over")
    return iter(unbind(self))


extend(__iter__=_iterate)


def _listed(name, tensors):
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError(f"{name}: expected at least one tensor")
    for i, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            raise not_a_tensor(name, f"element {i}", x)
    return tensors


def _part(g, place):
    return g[place]


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
    return out, tuple(gradient(_part, place) for place in places)


def cat(tensors, dim=0):
    """The tensors one behind the other along `dim`, in a copy.

    Args:
        tensors: tensors that agree in all other dimensions; dtypes are promoted.
        dim: a dimension.

    Raises:
        RuntimeError: no tensors, or shapes that don't fit (both are named).
        TypeError: something else among them.

    Example:
        >>> import fastnet
        >>> fastnet.cat([fastnet.tensor([[1, 2]]), fastnet.tensor([[3, 4]])])
        tensor([[1, 2],
                [3, 4]])
    """
    tensors = _listed("cat", tensors)
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
    return cat([unsqueeze(x, dim) for x in tensors], _dim(tensors[0], dim, extra=1))


@method()
def flip(input, dims, *more):
    """The elements in reverse order along `dims` (numbers or one tuple), as a copy.

    Example:
        >>> import fastnet
        >>> fastnet.flip(fastnet.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    dims = [_dim(input, d) for d in as_shape((dims, *more))]
    return _copied(_strided(input, tuple(slice(None, None, -1 if i in dims else None) for i in range(input.ndim))))


@method()
def repeat(input, *sizes):
    """The tensor tiled sizes[i] times along each dimension, as a copy; further dimensions come first.

    Raises:
        RuntimeError: fewer numbers than dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    sizes = as_shape(sizes)
    extra = len(sizes) - input.ndim
    if extra < 0:
        raise RuntimeError(f"repeat: expected at least {input.ndim} numbers for shape {shape_text(input)}, got {sizes}")
    shape = (1,) * extra + input.shape
    tiled = expand(reshape(input, *[n for size in shape for n in (1, size)]),
                   *[n for count, size in zip(sizes, shape) for n in (count, size)])
    return reshape(tiled, *[count * size for count, size in zip(sizes, shape)])
