"""Writes into tensors and joins of tensors that nothing has to follow: one call of a kernel, without the tape.

The twin in plain Python is twins/untaped.py.
"""
cimport numpy as cnp

from fastnet._runtime.pointwise cimport (
    broadcasts, call_binary, call_unary, has_shape_of, is_plain, join_plain, operand_like, product)
from fastnet._runtime.state cimport current_meters, current_recorder, current_tracer, gradients_recorded
from fastnet._runtime.tape cimport Storage, TensorBase, wrap

cnp.import_array()


def is_simple_write(TensorBase out not None, tuple inputs):
    """Whether a write into `out`, computed from `inputs`, needs nothing but a new version number.

    False in a recording or a trace, if gradients are recorded of `out` (or of a view) or an input, and for other
    layouts, read-only memory and overlaps. fastnet/functional/inplace.py handles these writes.
    """
    cdef char *low
    cdef char *high
    cdef bint followed = gradients_recorded()
    if (current_recorder() != NULL or current_tracer() != NULL
            or followed and (out._requires_grad or out._base is not None)
            or not cnp.PyArray_ISCARRAY(out._data)):
        return False
    low = <char *>cnp.PyArray_DATA(out._data)
    high = low + cnp.PyArray_NBYTES(out._data)
    for x in inputs:
        if ((<TensorBase?>x)._requires_grad and followed or not cnp.PyArray_IS_C_CONTIGUOUS((<TensorBase>x)._data)
                or low < <char *>cnp.PyArray_DATA((<TensorBase>x)._data) + cnp.PyArray_NBYTES((<TensorBase>x)._data)
                and <char *>cnp.PyArray_DATA((<TensorBase>x)._data) < high):
            return False
    return True


def write_pointwise(str kernel, TensorBase x not None, tuple others, factor=None):
    """Write kernel(x, *others), of an elementwise kernel, into x, if that `is_simple_write`.

    Args:
        others: nothing, or the second operand: a tensor that broadcasts to x, or a number.
        factor: a number that multiplies the second operand, or None.

    Returns:
        Whether it is, and x is a contiguous float32 or float64, as the second operand. Otherwise nothing is written.
    """
    cdef object y = others[0] if len(others) == 1 else None
    if len(others) > 1 or current_tracer() != NULL or not is_plain(x._data):
        return False
    if not is_simple_write(x, others if isinstance(y, TensorBase) else ()):
        return False
    if len(others) == 0:
        call_unary(kernel, x._data, x._data)
    else:
        y = operand_like(x._data, (<TensorBase>y)._data if isinstance(y, TensorBase) else y)
        if y is None or not broadcasts(y, x._data):
            return False
        call_binary(kernel, x._data, x._data, y if factor is None else product(y, factor))
    (<Storage>x._storage).version += 1
    return True


def joined(tensors, dim, bint stacks):
    """Tensors one after the other along a dimension, or along a new one if it `stacks`, by one call of a kernel.

    None unless they are a list or tuple of contiguous tensors of one shape, of float32 or float64, no gradients of them
    are recorded, and nobody listens to operations.
    """
    cdef tuple arrays
    cdef object first = None
    cdef int ndim
    if (type(tensors) is not list and type(tensors) is not tuple or type(dim) is not int or len(tensors) == 0
            or current_recorder() != NULL or current_tracer() != NULL or current_meters() != NULL):
        return None
    for t in tensors:
        if not isinstance(t, TensorBase) or (<TensorBase>t)._requires_grad and gradients_recorded():
            return None
        x = (<TensorBase>t)._data
        first = x if first is None else first
        if (not is_plain(x) or not has_shape_of(<cnp.ndarray>x, <cnp.ndarray>first)
                or cnp.PyArray_TYPE(<cnp.ndarray>x) != cnp.PyArray_TYPE(<cnp.ndarray>first)):
            return None
    ndim = (<cnp.ndarray>first).ndim + stacks
    if not -ndim <= dim < ndim:
        return None
    arrays = tuple([(<TensorBase>t)._data for t in tensors])
    return wrap(join_plain(arrays, dim % ndim, stacks), None)
