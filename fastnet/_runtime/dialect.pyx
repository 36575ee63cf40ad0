"""The shapes and dtypes that code written for PyTorch reads: PyTorch's, in place of tuples and NumPy's dtypes.

Code is written for PyTorch if its module has the variable `torch` with the module fastnet.torch, or if the whole process
is and the code is not fastnet's own. The twin in plain Python is twins/dialect.py.
"""
from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject *PyEval_GetGlobals()
    PyObject *PyDict_GetItem(PyObject *, object)

cdef object _torch = None           # the module fastnet.torch, if it is imported
cdef object _size = None            # its class of shapes
cdef dict _dtypes = {}              # {NumPy's dtype: its dtype}
cdef bint _whole_process = False


def speak_torch(torch, size, dtypes):
    """Give code written for PyTorch shapes of the class `size`, and dtypes from a dictionary by NumPy's.

    Args:
        torch: the module that such code has as its variable `torch`.
    """
    global _torch, _size, _dtypes
    _torch, _size, _dtypes = torch, size, dtypes


def speak_torch_everywhere():
    """Count all code but fastnet's own as written for PyTorch, until the process ends."""
    global _whole_process
    _whole_process = True


def is_for_torch(dict variables):
    """Whether the code of a module with these variables is written for PyTorch."""
    return is_written_for_torch(<PyObject *>variables)


cdef bint is_written_for_torch(PyObject *variables) noexcept:
    cdef PyObject *found
    if _torch is None or variables == NULL:
        return False
    if not _whole_process:
        found = PyDict_GetItem(variables, "torch")
        return found == <PyObject *>_torch
    found = PyDict_GetItem(variables, "__name__")
    return found == NULL or not is_ours(<object>found)


cdef bint is_ours(object name) noexcept:
    return isinstance(name, str) and (<str>name == "fastnet" or (<str>name).startswith("fastnet."))


cdef object shape_for_caller(object shape):
    """A shape as the calling Python code reads it."""
    if _torch is not None and is_written_for_torch(PyEval_GetGlobals()):
        return _size(shape)
    return shape


cdef object dtype_for_caller(object dtype):
    """A dtype as the calling Python code reads it."""
    if _torch is not None and is_written_for_torch(PyEval_GetGlobals()):
        return _dtypes.get(dtype, dtype)
    return dtype
