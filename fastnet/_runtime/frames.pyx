"""The calls that happen while a function is recorded, reported as they begin.

The twin without a compiler is twins/frames.py.
"""
cimport cython
from cpython.object cimport PyObject

cdef extern from "Python.h":
    ctypedef struct PyFrameObject
    ctypedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *) except -1
    void PyEval_SetProfile(Py_tracefunc, PyObject *)
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    int PyTrace_CALL
    int PyTrace_C_CALL

cdef extern from *:
    """
    static Py_tracefunc profile_function(void) { return PyThreadState_Get()->c_profilefunc; }
    static PyObject *profile_object(void) { return PyThreadState_Get()->c_profileobj; }
    static PyObject *code_of(PyFrameObject *frame) { return (PyObject *)PyFrame_GetCode(frame); }
    """
    Py_tracefunc profile_function()
    PyObject *profile_object()
    object code_of(PyFrameObject *)


@cython.final
cdef class Frames:
    """Reports the calls that a function makes while it runs.

    Args:
        enters: enters(frame) is called when a frame of the user's code begins to run.
        is_users: is_users(filename) tells whether a file holds the user's code.
        impure: built-in functions to report: clocks, files, random numbers.
        calls: calls(function, frame) is called before one of them runs.
    """
    cdef object enters, is_users, calls
    cdef frozenset impure
    cdef dict known                 # id(code) -> (code, whether it is the user's)
    cdef Py_tracefunc before
    cdef object before_object

    def __init__(self, enters, is_users, impure, calls):
        self.enters, self.is_users, self.impure, self.calls = enters, is_users, frozenset(impure), calls
        self.known = {}

    def run(self, function, tuple args, dict kwargs):
        """function(*args, **kwargs), reported. A profiler of this thread keeps running."""
        cdef PyObject *object_before = profile_object()
        self.before = profile_function()
        self.before_object = None if object_before == NULL else <object>object_before
        PyEval_SetProfile(report, <PyObject *>self)
        try:
            return function(*args, **kwargs)
        finally:
            PyEval_SetProfile(self.before, object_before)
            self.before_object = None

    cdef bint users(self, PyFrameObject *frame) except -1:
        code = code_of(frame)
        cdef PyObject *found = PyDict_GetItemWithError(self.known, <Py_ssize_t><PyObject *>code)
        if found == NULL:
            entry = (code, self.is_users(code.co_filename))     # held, so that no other code gets its address
            self.known[<Py_ssize_t><PyObject *>code] = entry
            return entry[1]
        return (<tuple>found)[1]


cdef int report(PyObject *frames, PyFrameObject *frame, int event, PyObject *argument) except -1:
    cdef Frames self = <Frames>frames
    if event == PyTrace_CALL:
        if self.users(frame):
            self.enters(<object><PyObject *>frame)
    elif event == PyTrace_C_CALL and argument != NULL and <object>argument in self.impure:
        self.calls(<object>argument, <object><PyObject *>frame)
    if self.before != NULL:
        return self.before(<PyObject *>self.before_object, frame, event, argument)
    return 0
