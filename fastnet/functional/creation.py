"""New tensors. Filling one is a launch: inside a compiled function it happens at every replay."""
from fastnet import dtypes
from fastnet.backend import K
from fastnet.functional import arrays
from fastnet.functional.shape import as_shape
from fastnet.memory import empty as _empty
from fastnet.tensor import Tensor


def _made(array, requires_grad):
    t = Tensor._wrap(array)
    return t.requires_grad_() if requires_grad else t


def _dtype(dtype, default=dtypes.float32):
    return default if dtype is None else dtypes.as_dtype(dtype)


def empty(*size, dtype=None, requires_grad=False):
    """A tensor that holds whatever was in its memory."""
    return _made(_empty(as_shape(size), _dtype(dtype)), requires_grad)


def zeros(*size, dtype=None, requires_grad=False):
    """A tensor of zeros."""
    return _made(arrays.full(as_shape(size), 0, _dtype(dtype)), requires_grad)


def ones(*size, dtype=None, requires_grad=False):
    """A tensor of ones."""
    return _made(arrays.full(as_shape(size), 1, _dtype(dtype)), requires_grad)


def full(size, fill_value, *, dtype=None, requires_grad=False):
    """A tensor of one value; its dtype is by default the value's."""
    return _made(arrays.full(as_shape((size,)), fill_value, _dtype(dtype, dtypes.of_scalar(fill_value))), requires_grad)


def empty_like(input, *, dtype=None):
    """An uninitialised tensor in the shape and dtype of `input`."""
    return empty(*input.shape, dtype=dtype or input.dtype)


def zeros_like(input, *, dtype=None):
    """Zeros in the shape and dtype of `input`."""
    return zeros(*input.shape, dtype=dtype or input.dtype)


def ones_like(input, *, dtype=None):
    """Ones in the shape and dtype of `input`."""
    return ones(*input.shape, dtype=dtype or input.dtype)


def full_like(input, fill_value, *, dtype=None):
    """One value in the shape and dtype of `input`."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype)


def arange(start, end=None, step=1, *, dtype=None, requires_grad=False):
    """start, start + step, ... up to but not including end; arange(end) starts at 0.

    Example:
        >>> import fastnet
        >>> fastnet.arange(3)
        tensor([0, 1, 2])
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: step {step} does not lead from {start} to {end}")
    default = dtypes.float32 if any(isinstance(v, float) for v in (start, end, step)) else dtypes.int64
    out = _empty((max(0, -int(-(end - start) // step)),), _dtype(dtype, default))
    K.arange(out, start, step)
    return _made(out, requires_grad)


def linspace(start, end, steps, *, dtype=None, requires_grad=False):
    """`steps` numbers at equal distances from start to end, both included."""
    dtype = _dtype(dtype)
    if steps < 0:
        raise ValueError(f"linspace: expected a number of steps that is not negative, got {steps}")
    out = _empty((steps,), dtype)
    K.arange(out, start, (end - start) / (steps - 1) if steps > 1 else 0)
    if steps > 1:
        K.fill(out[-1:], end)
    return _made(out, requires_grad)


def eye(n, m=None, *, dtype=None, requires_grad=False):
    """The identity matrix, n by m (by default n)."""
    rows, columns = arange(n).unsqueeze(1), arange(n if m is None else m).unsqueeze(0)
    t = (rows == columns).to(_dtype(dtype))
    return t.requires_grad_() if requires_grad else t


def _triangle(input, keep):
    rows = arange(input.shape[-2]).unsqueeze(1)
    columns = arange(input.shape[-1]).unsqueeze(0)
    return input * keep(columns - rows).to(input.dtype)


def tril(input, diagonal=0):
    """The lower triangle of matrices, zeros above `diagonal`."""
    return _triangle(input, lambda d: d <= diagonal)


def triu(input, diagonal=0):
    """The upper triangle of matrices, zeros below `diagonal`."""
    return _triangle(input, lambda d: d >= diagonal)
