"""Reading and writing by index. Integers, slices, None and ... give views; index tensors and masks give copies."""
import numpy as np

from fastnet import dtypes
from fastnet._core.errors import check_sizes, not_a_tensor, shape_text
from fastnet._core.memory import empty
from fastnet._core.state import forbid_in_recording
from fastnet._core.tensor import Tensor, extend, method
from fastnet.autograd import gradient, no_grad, op, writes_out
from fastnet.backend import K
from fastnet.functional import kernel_calls as kernels
from fastnet.functional.kernel_calls import contiguous
from fastnet.functional.keys import as_key, pick, selection
from fastnet.functional.reduction import as_rows
from fastnet.functional.shape import expand, strided
from fastnet.functional.sizes import as_dim


@op
def _picked(x, *picks):
    return pick(x, picks), (gradient(_unpicked, x.shape, *picks), *(None for _ in picks))


def _unpicked(g, shape, *picks):
    total = kernels.full(shape, 0, g.dtype)
    _, in_order = selection(total, picks)
    K.index_add_(total, in_order(g) if in_order else g, *picks)
    return total


def getitem(input, key):
    """input[key]: a view for integers, slices, None and ...; a copy for index tensors, lists and masks.

    Args:
        input: any shape.
        key: one of these, or a tuple of them.

    Raises:
        IndexError: an index out of range or of an unknown kind, or too many of them.
        RuntimeError: a mask inside a compiled function: the result's shape would depend on values.

    Example:
        >>> import fastnet
        >>> x = fastnet.arange(6).reshape(2, 3)
        >>> x[1], x[:, 0], x[x > 3], x[fastnet.tensor([1, 0]), 2]
        (tensor([3, 4, 5]), tensor([0, 3]), tensor([4, 5]), tensor([5, 2]))
    """
    view: tuple
    picks: tuple
    if type(key) is int:
        view, picks = (key, ...), ()
    elif type(key) is Tensor and key.dtype == dtypes.int64:
        view, picks = (), (key,)
    else:
        view, picks = as_key(input, key)
    try:
        part = strided(input, view) if view else input
        return _picked(part, *picks) if picks else part
    except IndexError as e:
        raise IndexError(f"{e} (shape {shape_text(input)})") from None


extend(__getitem__=getitem)


@method()
def gather(input, dim, index, *, sparse_grad=False):
    """out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, and likewise for the others.

    Args:
        input: any shape.
        dim: the dimension that the indices are of.
        index: int64 or int32, of as many dimensions as input and no longer in any but `dim`. The result has its shape.
        sparse_grad: ignored; gradients are dense.

    Raises:
        RuntimeError: an index of another dtype, or shapes that don't fit; both are named.
        IndexError: an index out of range.

    Example:
        >>> import fastnet
        >>> fastnet.gather(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, fastnet.tensor([[1], [0]]))
        tensor([[2.],
                [3.]])
    """
    dim = as_dim(input, dim)
    if isinstance(index, Tensor) and index.numel() == 0:    # PyTorch takes any dtype and shape that name nothing
        return input.reshape(-1)[:0].reshape(index.shape)
    index = _whole_index("gather", index)
    if input.ndim == 0 or index.ndim == 0:                  # a 0-d tensor counts as one of shape (1,)
        return _gathered(input.reshape(-1) if input.ndim == 0 else input, dim,
                         index.reshape(1) if index.ndim == 0 else index).reshape(index.shape)
    return _gathered(input, dim, index)


def _gathered(input, dim, index):
    outside = any(n > m for d, (n, m) in enumerate(zip(index.shape, input.shape)) if d != dim)
    if index.ndim != input.ndim or outside:
        raise RuntimeError(f"gather: an index of shape {shape_text(index)} does not fit an input of shape "
                           f"{shape_text(input)} along dimension {dim}")
    part = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    return _gather(input[part], index, dim=dim)


def _whole_index(name, index):
    """An index tensor in int64.

    Raises:
        TypeError: no tensor.
        RuntimeError: a dtype that is neither int64 nor int32.
    """
    if not isinstance(index, Tensor):
        raise not_a_tensor(name, "index", index)
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}: expected an int64 or int32 index, got {index.dtype}")
    return index.long()


@op
def _gather(x, index, *, dim):
    (x3, *_), (i3, *_) = as_rows(x, (dim,)), as_rows(index, (dim,))
    K.check_index(i3, x3.shape[1])
    out = empty(i3.shape, x.dtype)
    K.gather(out, x3, i3)
    return out.reshape(index.shape), (gradient(_ungathered, i3, x3.shape, x.shape), None)


def _ungathered(g, i3, x3_shape, shape):
    total = empty(x3_shape, g.dtype)
    K.gather_backward(total, i3, contiguous(g).reshape(i3.shape))
    return total.reshape(shape)


@method()
def take_along_dim(input, indices, dim=None):
    """`gather` with the arguments in NumPy's order, where input and indices broadcast in all dimensions but `dim`.

    Args:
        input: any shape.
        indices: int64, of as many dimensions as the input; negative ones count from the end.
        dim: the dimension that they are of; None: both are flattened.

    Raises:
        RuntimeError: another dtype, or shapes that don't fit.
        IndexError: an index or a dimension out of range.

    Example:
        >>> import fastnet
        >>> x = fastnet.tensor([[3.0, 1.0, 2.0]])
        >>> fastnet.take_along_dim(x, x.argsort(1), 1)
        tensor([[1., 2., 3.]])
    """
    if not isinstance(indices, Tensor):
        raise not_a_tensor("take_along_dim", "indices", indices)
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    dim = as_dim(input, dim)
    if input.ndim == 0:
        raise IndexError(f"take_along_dim: dimension {dim} is out of range for a 0-d tensor")
    if indices.ndim != input.ndim:
        raise RuntimeError(f"take_along_dim: expected indices of {input.ndim} dimensions, as the input of shape "
                           f"{shape_text(input)}, got shape {shape_text(indices)}")
    indices = indices.where(indices >= 0, indices + input.shape[dim])
    # without entries along dim, the rest of the shapes decides
    shape = kernels.broadcast_shape(*(x.narrow(dim, 0, 0)._data for x in (input, indices)))

    def spread(x):
        return expand(x, (*shape[:dim], x.shape[dim], *shape[dim + 1:]))
    return gather(spread(input), dim, spread(indices))


@method()
def index_select(input, dim, index):
    """The entries of `input` along `dim` that `index` names, as a copy.

    Args:
        input: any shape.
        dim: a dimension.
        index: int64 or int32, (n,) or a 0-d tensor.

    Raises:
        TypeError: the index is no tensor.
        RuntimeError: an index of another dtype, or several indices into a 0-d tensor.
        IndexError: an index out of range or of several dimensions.

    Example:
        >>> import fastnet
        >>> fastnet.index_select(fastnet.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, fastnet.tensor([1, 1, 0]))
        tensor([[2., 2., 1.],
                [4., 4., 3.]])
    """
    dim, index = as_dim(input, dim), _whole_index("index_select", index)
    if index.ndim > 1:
        raise IndexError(f"index_select: expected an index of one dimension, got shape {shape_text(index)}")
    index = index.reshape(-1)
    if input.ndim == 0:
        if len(index) != 1:
            raise RuntimeError(f"index_select: expected one index into a 0-d tensor, got {len(index)}")
        return gather(input, 0, index).reshape(())
    return _selected(input, index, dim=dim)


@op
def _selected(x, index, *, dim):
    K.check_index(index, x.shape[dim])
    picks = (*(slice(None),) * dim, index)
    return pick(x, picks), (gradient(_unpicked, x.shape, *picks), None)


@op
def _embedding(weight, index, padding_idx, scale_by_frequency):
    flat = contiguous(index).reshape(-1)
    K.check_index(flat, weight.shape[0], what="token")
    out = empty((flat.size, weight.shape[1]), weight.dtype)
    K.embedding(out, weight, flat)
    slope = gradient(_of_embedded, flat, weight.shape, padding_idx, scale_by_frequency)
    return out.reshape(*index.shape, weight.shape[1]), (slope, None, None, None)


@writes_out
def _of_embedded(g, flat, shape, padding_idx, scale_by_frequency, *, out=None):
    total = empty(shape, g.dtype) if out is None else out
    rows = contiguous(g).reshape(flat.size, shape[1])
    if scale_by_frequency:
        rows = kernels.div(rows, _frequencies(flat, shape[0], g.dtype))
    K.embedding_backward(total, flat, rows, padding_idx)
    return total


def _frequencies(index, size, dtype):
    """How often each element of an index (n,) into `size` rows occurs in it, as an array (n, 1)."""
    counts, out = kernels.full((size, 1), 0, dtype), empty((index.size, 1), dtype)
    K.index_add_(counts, kernels.full((index.size, 1), 1, dtype), index)
    K.embedding(out, counts, index)
    return out


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """The rows of `weight` that the integers of `input` name: weight[input].

    Args:
        input: int64 or int32, any shape.
        weight: (rows, width).
        padding_idx: a row whose gradient stays zero.
        max_norm: the largest norm of a row; longer ones among those that are read are rescaled in the weight itself.
        norm_type: p of the p-norm that max_norm bounds.
        scale_grad_by_freq: divide the gradient of each row by how often the input names it.
        sparse: ignored; gradients are dense.

    Raises:
        RuntimeError: the input holds no integers, or the weight is no matrix.
        ValueError: padding_idx is none of the rows, or max_norm is negative.
        IndexError: a number outside [0, rows).

    Example:
        >>> import fastnet
        >>> table = fastnet.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> fastnet.nn.functional.embedding(fastnet.tensor([1, 0, 1]), table)
        tensor([[3., 4.],
                [1., 2.],
                [3., 4.]])
    """
    if input.dtype.kind not in "iu":
        raise RuntimeError(f"embedding: expected integers, got {input.dtype}")
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: expected a weight of two dimensions, got shape {shape_text(weight)}")
    padding_idx = padding_row("embedding", padding_idx, weight.shape[0])
    index = input if input.dtype == dtypes.int64 else input.long()
    if max_norm is not None:
        check_max_norm("embedding", max_norm)
        _shorten_rows(weight, index, float(max_norm), norm_type)
    return _embedding(weight, index, padding_idx, bool(scale_grad_by_freq))


def padding_row(name, padding_idx, rows):
    """The row of a table that padding_idx names, counted from the front, or None.

    Raises:
        ValueError: there is no such row.
    """
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"{name}: padding_idx {padding_idx} is outside the {rows} rows")
    return padding_idx % rows


def check_max_norm(name, max_norm):
    """Refuse a negative bound, which would reverse rows, and NaN."""
    if max_norm is not None and not max_norm >= 0:
        raise ValueError(f"{name}: expected max_norm to be None or a number that is not negative, got {max_norm}")


@no_grad()
def _shorten_rows(weight, index, max_norm, norm_type):
    """Multiply those rows of the table that the index names and that are too long by max_norm / (norm + 1e-7)."""
    index = index.reshape(-1)
    rows = _embedding(weight, index, None, False)
    norm = rows.norm(norm_type, 1, keepdim=True)
    weight[index] = (rows * (max_norm / (norm + 1e-7))).where(norm > max_norm, rows)


@op
def _one_hot(index, num_classes):
    K.check_index(contiguous(index).reshape(-1), num_classes, what="class")
    out = empty((*index.shape, num_classes), dtypes.int64)
    K.one_hot(out, index)
    return out, None


def one_hot(tensor, num_classes=-1):
    """Class numbers as int64 vectors with a single 1.

    Args:
        tensor: integers, any shape; the result's has one dimension more.
        num_classes: the vectors' length; -1: the largest number plus one.

    Raises:
        IndexError: a number outside [0, num_classes).
        RuntimeError: no integers, num_classes below -1, or -1 inside a compiled function: the result's shape would
            depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.nn.functional.one_hot(fastnet.tensor([1, 0]), 3)
        tensor([[0, 1, 0],
                [1, 0, 0]])
    """
    if tensor.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: expected integers, got {tensor.dtype}")
    if num_classes == -1:
        forbid_in_recording("one_hot() without num_classes")
        num_classes = int(tensor._data.max()) + 1 if tensor.numel() else 0
    check_sizes("one_hot", num_classes=num_classes)
    return _one_hot(tensor if tensor.dtype == dtypes.int64 else tensor.long(), num_classes)


@method()
def nonzero(input, *, as_tuple=False):
    """The indices of the elements that are not 0, int64, (n, dimensions).

    Args:
        input: any shape.
        as_tuple: return a tuple of the columns instead, which is an index of these elements.

    Raises:
        RuntimeError: inside a compiled function: the result's shape would depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.nonzero(fastnet.tensor([[0, 1], [2, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    forbid_in_recording("nonzero(), whose result's shape depends on values,")
    if as_tuple:
        return tuple(map(Tensor._wrap, np.nonzero(np.atleast_1d(input._data))))
    return Tensor._wrap(np.argwhere(input._data).astype(np.int64))


def check_mask(name, argument, mask, known=(dtypes.bool_,)):
    """Refuse what is no bool tensor, as a mask or a condition.

    Raises:
        TypeError: no tensor.
        RuntimeError: a tensor of another dtype.
    """
    if not isinstance(mask, Tensor):
        raise not_a_tensor(name, argument, mask)
    if mask.dtype not in known:
        raise RuntimeError(f"{name}: expected a bool tensor as {argument}, got {mask.dtype}")


@method()
def masked_select(input, mask):
    """The elements where the mask holds, in one dimension.

    Args:
        input: any shape.
        mask: a bool tensor; the two broadcast.

    Raises:
        RuntimeError: the mask is not bool; inside a compiled function: the result's shape would depend on values.

    Example:
        >>> import fastnet
        >>> fastnet.masked_select(fastnet.tensor([1.0, 2.0, 3.0]), fastnet.tensor([True, False, True]))
        tensor([1., 3.])
    """
    check_mask("masked_select", "mask", mask)
    shape = kernels.broadcast_shape(input._data, mask._data)
    return getitem(expand(input, shape), expand(mask, shape))
