"""Elementwise kernels on plain arrays: the short way through an operation whose gradient is not needed.

A plain array is contiguous and of float32 or float64. The twin, twins/pointwise.py, does not take the short way.
"""
cimport numpy as cnp

from fastnet._runtime.dispatch cimport KernelCall
from fastnet._runtime.memory cimport array_of, matrix_of, rows_of

cnp.import_array()

cdef object _kernels = None         # the table of kernels


def set_kernels(table):
    """Set the object whose attributes are the kernels in use."""
    global _kernels
    _kernels = table


cdef class Pointwise:
    """The elementwise kernel that computes an operation on plain arrays of one dtype.

    Args:
        kernel: its name.
        operands: 1 or 2.
        dtype: of the result; None for that of the operands.
        numbers: the positions of operands that may be Python numbers, if the other one is an array.
        attributes: whether further arguments are attributes of the kernel (of one operand).
    """

    def __init__(self, kernel, operands=1, dtype=None, numbers=(0, 1), attributes=False):
        self.kernel, self.operands, self.dtype = kernel, operands, dtype
        self.first_number, self.second_number, self.attributes = 0 in numbers, 1 in numbers, attributes

    cdef object result(self, tuple arrays, dict attributes):
        """The result for plain operands; None for all others."""
        if attributes or len(arrays) != self.operands and not (self.attributes and len(arrays) > 1):
            return None
        if self.operands == 2:
            return result_of_two(self, arrays[0], arrays[1])
        if not is_plain(arrays[0]):
            return None
        out = empty_as(<cnp.ndarray>arrays[0], self.dtype)
        if len(arrays) == 1:
            call_unary(self.kernel, out, arrays[0])
        else:
            getattr(_kernels, self.kernel)(out, *arrays)
        return out


cdef object result_of_two(Pointwise how, object x, object y):
    cdef object whole
    if is_plain(x) and (how.second_number or cnp.PyArray_Check(y)):
        y = operand_like(<cnp.ndarray>x, y)
    elif is_plain(y) and how.first_number:
        x = operand_like(<cnp.ndarray>y, x)
    else:
        return None
    if x is None or y is None:
        return None
    if broadcasts(<cnp.ndarray>y, <cnp.ndarray>x):
        whole = x
    elif broadcasts(<cnp.ndarray>x, <cnp.ndarray>y):
        whole = y
    else:
        return None
    out = empty_as(<cnp.ndarray>whole, how.dtype)
    call_binary(how.kernel, out, x, y)
    return out


cdef object empty_as(cnp.ndarray x, object dtype):
    return array_of(x.ndim, x.shape, x.descr if dtype is None else dtype)


cdef class Along(Pointwise):
    """The kernel over rows (outer, n, inner) that computes an operation on a plain array, along a dimension or all.

    The operation takes the array, then the kernel's name if it serves several, and the dimension; a reduction also
    takes `keepdim`.

    Args:
        kernel: its name; None if the operation takes it.
        reduces: whether the result has one element for each row, else as many as the array.
        dtype: of the result; None for that of the array.
    """

    def __init__(self, kernel=None, reduces=True, dtype=None):
        self.kernel, self.reduces, self.dtype = kernel, reduces, dtype

    cdef object result(self, tuple arrays, dict attributes):
        cdef Py_ssize_t at = 1 if self.kernel is not None else 2        # the position of the dimension
        cdef Py_ssize_t count = len(arrays), named = 0
        cdef object dim = arrays[at] if count > at else None
        cdef object last = arrays[at + 1] if count > at + 1 else None       # keepdim, or a dtype
        if count < at or count > at + 2 or not is_plain(arrays[0]) or cnp.PyArray_SIZE(arrays[0]) == 0:
            return None
        if attributes:
            if count <= at and "dim" in attributes:
                dim, named = attributes["dim"], 1
            if self.reduces and count <= at + 1 and "keepdim" in attributes:
                last, named = attributes["keepdim"], named + 1
            if len(attributes) != named:
                return None
        if last is not None and (not self.reduces or type(last) is not bool):
            return None
        return along(self.kernel if at == 1 else arrays[1], <cnp.ndarray>arrays[0], dim, self.reduces, last is True,
                     self.dtype)


cdef object along(str kernel, cnp.ndarray x, object dim, bint reduces, bint keepdim, object dtype):
    cdef int first = 0, last = x.ndim, d, kept = 0
    cdef cnp.npy_intp shape[cnp.NPY_MAXDIMS]
    cdef cnp.npy_intp outer = 1, inner = 1
    if dim is None:
        if not reduces:
            return None
    elif type(dim) is int and -x.ndim <= dim < x.ndim:
        first = dim % x.ndim
        last = first + 1
        if not reduces and first == 1 and x.ndim > 3:         # images have rows of another order
            return None
    else:
        return None
    for d in range(x.ndim):
        if not first <= d < last or not reduces or keepdim:
            shape[kept] = x.shape[d] if not first <= d < last or not reduces else 1
            kept += 1
        if d < first:
            outer *= x.shape[d]
        elif d >= last:
            inner *= x.shape[d]
    out = array_of(kept, shape, x.descr if dtype is None else dtype)
    rows = rows_of(x, first, last)
    call_unary(kernel, matrix_of(out, outer, inner) if reduces else rows_of(out, first, last), rows)
    return out


cdef class Choice(Pointwise):
    """The kernel `where`, on a mask and two operands of its shape, one of which may be a number."""

    def __init__(self):
        pass

    cdef object result(self, tuple arrays, dict attributes):
        cdef object mask, x, y
        if attributes or len(arrays) != 3:
            return None
        mask, x, y = arrays
        if not is_mask(mask):
            return None
        if is_plain(x):
            y = operand_like(<cnp.ndarray>x, y)
        elif is_plain(y):
            x = operand_like(<cnp.ndarray>y, x)
        else:
            return None
        if x is None or y is None or not fills(x, <cnp.ndarray>mask) or not fills(y, <cnp.ndarray>mask):
            return None
        out = array_of((<cnp.ndarray>mask).ndim, (<cnp.ndarray>mask).shape, (<cnp.ndarray>x).descr)
        getattr(_kernels, "where")(out, mask, x, y)
        return out


cdef bint is_mask(object x) noexcept:
    return (cnp.PyArray_CheckExact(x) and cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_BOOL
            and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>x))


cdef bint fills(cnp.ndarray x, cnp.ndarray whole) noexcept:
    """Whether an array has the shape of another one, or is 0-d."""
    return x.ndim == 0 or has_shape_of(x, whole)


cdef bint has_shape_of(cnp.ndarray x, cnp.ndarray y) noexcept:
    return x.ndim == y.ndim and broadcasts(x, y) and broadcasts(y, x)


cdef object join_plain(tuple arrays, int dim, bint stacks):
    """Plain arrays of one shape and dtype, one after the other along a dimension, or along a new one."""
    cdef cnp.npy_intp shape[cnp.NPY_MAXDIMS]
    cdef cnp.ndarray first = arrays[0]
    cdef int d, ndim = first.ndim + stacks
    for d in range(ndim):
        if d == dim:
            shape[d] = len(arrays) if stacks else len(arrays) * first.shape[d]
        else:
            shape[d] = first.shape[d - (stacks and d > dim)]
    out = array_of(ndim, shape, first.descr)
    getattr(_kernels, "join")(out, dim, *arrays)
    return out


cdef int call_unary(str kernel, out, x) except -1:
    """Call kernel(out, x), outside of a recording."""
    call = getattr(_kernels, kernel)
    if type(call) is KernelCall:
        return (<KernelCall>call).run_unary(out, x)
    call(out, x)
    return 0


cdef int call_binary(str kernel, out, x, y) except -1:
    """Call kernel(out, x, y), outside of a recording."""
    call = getattr(_kernels, kernel)
    if type(call) is KernelCall:
        return (<KernelCall>call).run_binary(out, x, y)
    call(out, x, y)
    return 0


cdef bint is_plain(object x) noexcept:
    return cnp.PyArray_CheckExact(x) and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray>x) and (
        cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_FLOAT32 or cnp.PyArray_TYPE(<cnp.ndarray>x) == cnp.NPY_FLOAT64)


cdef object operand_like(cnp.ndarray x, object y):
    """y as a plain array of the dtype of x, if it is one or a Python number; else None."""
    cdef cnp.ndarray made
    cdef double number
    if is_plain(y):
        return y if cnp.PyArray_TYPE(<cnp.ndarray>y) == cnp.PyArray_TYPE(x) else None
    if type(y) is not float and type(y) is not int:
        return None
    number = y
    made = array_of(0, NULL, x.descr)
    if cnp.PyArray_TYPE(x) == cnp.NPY_FLOAT32:
        (<float *>cnp.PyArray_DATA(made))[0] = <float>number
    else:
        (<double *>cnp.PyArray_DATA(made))[0] = number
    return made


cdef bint broadcasts(cnp.ndarray x, cnp.ndarray whole) noexcept:
    """Whether the shape of x broadcasts to that of another array."""
    cdef int d, extra = whole.ndim - x.ndim
    if extra < 0:
        return False
    for d in range(x.ndim):
        if x.shape[d] != whole.shape[extra + d] and x.shape[d] != 1:
            return False
    return True


cdef object product(cnp.ndarray x, object factor):
    """A plain array times a number."""
    out = empty_as(x, None)
    call_binary("mul", out, x, operand_like(x, factor))
    return out
