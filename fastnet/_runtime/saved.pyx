"""Gradient functions: the arrays that they declare to read, and the check that they read no other array.

The twin in plain Python is twins/saved.py.
"""
import inspect
import types

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject

cnp.import_array()

cdef extern from "Python.h":
    PyObject *PyFunction_GetClosure(object)
    PyObject *PyFunction_GetDefaults(object)
    PyObject *PyFunction_GetKwDefaults(object)
    PyObject *PyCell_GET(PyObject *)

cdef enum:
    MAX_DEPTH = 16                  # of functions in the closures of functions

# Types and base classes of values that hold no array. A gradient function may hold such values undeclared.
cdef frozenset _ARRAY_FREE = frozenset((type(None), bool, int, float, complex, str, bytes, slice, range, type(...)))
cdef tuple _ARRAY_FREE_BASES = (np.dtype, np.generic, np.ufunc, type, types.ModuleType)
cdef type _Function = types.FunctionType, _BuiltinFunction = types.BuiltinFunctionType


@cython.final
@cython.freelist(64)
cdef class gradient:
    """A gradient function and the arrays that it reads.

    An operation (see `fastnet.autograd.op`) returns such objects to declare what it saves for backward. backward()
    calls `function(g, *saved)`. It raises a RuntimeError if a saved array is an argument or the result of the
    operation and was changed in place after the forward pass.

    Args:
        function: `function(g, *saved)` takes the gradient of the operation's result and returns that of an argument.
            Decorate it with `fastnet.autograd.writes_out` if it can write the result into given memory.
        saved: arrays, None, numbers, strings, or tuples of these.

    Example:
        >>> import fastnet
        >>> import numpy as np
        >>> slope = fastnet.autograd.gradient(np.multiply, np.array([2.0, 3.0]))
        >>> slope(np.array([10.0, 10.0]))
        array([20., 30.])
    """

    __signature__ = inspect.signature(lambda function, *saved: None)

    def __init__(self, function, *saved):
        self.function, self.saved = function, saved

    def __call__(self, *leading):
        return self.function(*(leading + self.saved))

    def then(self, *gradients):
        """Make this function the first step of all arguments' gradients, and return this object.

        Args:
            gradients: as in the tuple that `fastnet.autograd.op` describes. They take the result of this function
                where they would take the gradient of the operation's result.
        """
        self.rest = gradients
        return self


cdef gradient without_rest(gradient first):
    """The gradient function alone. A node keeps the functions of `then` itself, and only those that it needs."""
    cdef gradient function = gradient.__new__(gradient)
    function.function, function.saved = first.function, first.saved
    return function


def call_into(function, g, out):
    """The result of a gradient function for g, written into the array `out` if the function is marked `writes_out`."""
    cdef tuple saved = ()
    cdef object plain = function
    if type(function) is gradient:
        plain, saved = (<gradient>function).function, (<gradient>function).saved
    if getattr(plain, "writes_out", None) is not True:
        return function(g)
    if len(saved) == 1:                 # the usual case, without a tuple and a dictionary of arguments
        return plain(g, saved[0], out=out)
    return plain(g, *saved, out=out)


# ---- the check ------------------------------------------------------------------------------------------------------

cdef int append_saved(function, str name, list arrays) except -1:
    """Append the arrays that a gradient function of the operation `name` declares to save.

    Raises:
        TypeError: not a function, or a function that may hold an array that it does not declare.
    """
    cdef str undeclared
    if type(function) is gradient:
        append_arrays((<gradient>function).saved, name, arrays)
        function = (<gradient>function).function
    if not callable(function):
        raise TypeError(f"{name}: expected a gradient to be a function, got {type(function).__name__}")
    if type(function) is _Function:
        undeclared = type_held(function, 0)
    else:
        undeclared = None if is_array_free(function, 0) else type(function).__name__
    if undeclared is not None:
        raise TypeError(f"{name}: expected a gradient function to declare the arrays that it reads, got one that holds "
                        f"an undeclared object of type {undeclared}, in which a change would go unnoticed; return "
                        "fastnet.autograd.gradient(function, *arrays), which calls function(g, *arrays)")
    return 0


cdef int append_arrays(tuple values, str name, list arrays) except -1:
    for value in values:
        if cnp.PyArray_Check(value):
            arrays.append(value)
        elif isinstance(value, tuple):      # a NamedTuple, too
            append_arrays(tuple(value), name, arrays)
        elif not is_array_free(value, 0):
            raise TypeError(f"{name}: expected a gradient to save arrays, numbers, and tuples of these, got "
                            f"{type(value).__name__}")
    return 0


cdef str type_held(function, int depth):
    """The type of an object in a function's closure or defaults that may hold an array, or None."""
    cdef PyObject *closure = PyFunction_GetClosure(function)
    if closure != NULL:
        for cell in <tuple>closure:
            if (PyCell_GET(<PyObject *>cell) != NULL
                    and not is_array_free(<object>PyCell_GET(<PyObject *>cell), depth)):
                return type(<object>PyCell_GET(<PyObject *>cell)).__name__
    if PyFunction_GetDefaults(function) != NULL:
        for value in <tuple>PyFunction_GetDefaults(function):
            if not is_array_free(value, depth):
                return type(value).__name__
    if PyFunction_GetKwDefaults(function) != NULL:
        for value in (<dict>PyFunction_GetKwDefaults(function)).values():
            if not is_array_free(value, depth):
                return type(value).__name__
    return None


cdef bint is_array_free(value, int depth) except -1:
    """Whether a value is known to hold no array that other code could change."""
    cdef type kind = type(value)
    if kind in _ARRAY_FREE:
        return True
    if kind is tuple:
        for part in <tuple>value:
            if not is_array_free(part, depth):
                return False
        return True
    if kind is _Function:
        return depth < MAX_DEPTH and type_held(value, depth + 1) is None
    if kind is _BuiltinFunction:        # a function of a module, not a method of an object
        return value.__self__ is None or isinstance(value.__self__, types.ModuleType)
    return isinstance(value, _ARRAY_FREE_BASES)


# ---- whose memory a saved array is ----------------------------------------------------------------------------------

cdef Py_ssize_t argument_position(array, tuple arrays) except -2:
    """The position of the argument that an array is, or shares its memory with, or -1."""
    cdef Py_ssize_t i
    for i in range(len(arrays)):
        if array is arrays[i]:
            return i
    for i in range(len(arrays)):
        if cnp.PyArray_CheckExact(arrays[i]) and is_one_memory(array, arrays[i]):
            return i
    return -1


cdef bint is_one_memory(cnp.ndarray a, cnp.ndarray b):
    """Whether two arrays are the same, or one is a view of the other, or both are views of one array."""
    cdef PyObject *a_base = cnp.PyArray_BASE(a)
    cdef PyObject *b_base = cnp.PyArray_BASE(b)
    return (a is b or <PyObject *>a == b_base
            or (a_base != NULL and (a_base == <PyObject *>b or a_base == b_base)))
