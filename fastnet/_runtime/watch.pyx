"""The Python values that a recording depends on, compared without Python's price; and the calls made meanwhile.

The twin without a compiler is twins/watch.py. Which values a recording depends on is decided in fastnet/_replay.
"""
cimport cython
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject

cdef extern from "Python.h":
    ctypedef struct PyFrameObject
    ctypedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *) except -1
    void PyEval_SetProfile(Py_tracefunc, PyObject *)
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyList_GET_ITEM(object, Py_ssize_t)
    PyObject *PyCell_GET(PyObject *)
    int PyTrace_CALL
    int PyTrace_C_CALL
    ctypedef struct PyTypeObject:
        unsigned int tp_version_tag
    PyTypeObject *Py_TYPE(object)
    PyObject *PyFunction_GET_CODE(object)
    PyObject *PyFunction_GET_DEFAULTS(object)
    PyObject *PyFunction_GET_KW_DEFAULTS(object)

cdef extern from *:
    """
    static Py_tracefunc profile_function(void) { return PyThreadState_Get()->c_profilefunc; }
    static PyObject *code_of(PyFrameObject *frame) { return (PyObject *)PyFrame_GetCode(frame); }
    static PyObject *member_of(PyObject *cls, PyObject *name) { return _PyType_Lookup((PyTypeObject *)cls, name); }
    static PyObject *profile_object(void) { return PyThreadState_Get()->c_profileobj; }
    """
    object code_of(PyFrameObject *)
    PyObject *member_of(object, object)
    Py_tracefunc profile_function()
    PyObject *profile_object()

cdef enum Kind:                     # of a place where a value is read
    ENTRY = 0                       # key of a dict, or no such key
    CELL = 1                        # of a closure
    ELEMENTS = 2                    # of a list, all
    ENTRIES = 3                     # of a dict, all
    MEMBER = 4                      # key of a class and its bases
    COMPUTED = 5                    # key(holder)
    CLASS = 6                       # of an object, and key(class)
    FUNCTION = 7                    # its code and defaults

MISSING = object()                  # the value of a place that has none


cdef inline bint is_object(PyObject *found, expected):
    return found == <PyObject *>expected or (found == NULL and expected is None)


@cython.final
cdef class Place:
    """A place where a function reads a value.

    Args:
        kind: a name of `Kind`.
        holder: the dict, cell, list, class or function, or any object for COMPUTED and CLASS.
        key: the name in it; a function of the holder for COMPUTED, of its class for CLASS.
        path: what a reader knows the place by.
    """
    cdef Kind kind
    cdef readonly object kind_name, holder, key, path
    cdef public object expected
    cdef unsigned int version       # of the holder's class: Python counts what is done to a class and its bases

    def __init__(self, str kind, holder, key, path):
        self.kind_name = kind
        self.kind = {"ENTRY": ENTRY, "CELL": CELL, "ELEMENTS": ELEMENTS, "ENTRIES": ENTRIES, "MEMBER": MEMBER,
                     "COMPUTED": COMPUTED, "CLASS": CLASS, "FUNCTION": FUNCTION}[kind]
        self.holder, self.key, self.path = holder, key, path
        self.expect(self.value())

    cdef int expect(self, value) except -1:
        self.expected = value
        if self.kind == CLASS:
            member_of(type(self.holder), "__class__")       # a look-up gives the class a version
            self.version = Py_TYPE(self.holder).tp_version_tag
        return 0

    cpdef value(self):
        """What stands there now."""
        cdef PyObject *found
        if self.kind == COMPUTED:
            return self.key(self.holder)
        if self.kind == ELEMENTS:
            return tuple(<list>self.holder)
        if self.kind == ENTRIES:
            return tuple([part for entry in (<dict>self.holder).items() for part in entry])
        if self.kind == CLASS:
            return type(self.holder), self.key(type(self.holder))
        if self.kind == FUNCTION:
            return self.holder.__code__, self.holder.__defaults__, self.holder.__kwdefaults__
        if self.kind == ENTRY:
            found = PyDict_GetItemWithError(self.holder, self.key)
        elif self.kind == CELL:
            found = PyCell_GET(<PyObject *>self.holder)
        else:
            found = member_of(self.holder, self.key)
        return MISSING if found == NULL else <object>found

    cdef bint same(self) except -1:
        """Whether the very object of before stands there."""
        cdef PyObject *found
        cdef PyObject *value
        cdef Py_ssize_t i = 0, position = 0
        cdef tuple before
        if self.kind == ENTRY:
            found = PyDict_GetItemWithError(self.holder, self.key)
        elif self.kind == CELL:
            found = PyCell_GET(<PyObject *>self.holder)
        elif self.kind == MEMBER:
            found = member_of(self.holder, self.key)
        elif self.kind == COMPUTED:
            return False            # another object each time: compared by its value
        elif self.kind == CLASS:
            before = self.expected
            return (<PyObject *>Py_TYPE(self.holder) == <PyObject *>before[0] and self.version != 0
                    and Py_TYPE(self.holder).tp_version_tag == self.version)
        elif self.kind == FUNCTION:
            before = self.expected
            return (PyFunction_GET_CODE(self.holder) == <PyObject *>before[0]
                    and is_object(PyFunction_GET_DEFAULTS(self.holder), before[1])
                    and is_object(PyFunction_GET_KW_DEFAULTS(self.holder), before[2]))
        else:
            before = self.expected
            if self.kind == ELEMENTS:
                if len(<list>self.holder) != len(before):
                    return False
                for i in range(len(before)):
                    if PyList_GET_ITEM(self.holder, i) != <PyObject *>before[i]:
                        return False
                return True
            if 2 * len(<dict>self.holder) != len(before):
                return False
            while PyDict_Next(self.holder, &position, &found, &value):
                if found != <PyObject *>before[i] or value != <PyObject *>before[i + 1]:
                    return False
                i += 2
            return True
        return found == <PyObject *>self.expected or (found == NULL and self.expected is MISSING)


cdef class Places:
    """Places whose values a recording depends on.

    Args:
        alike: alike(a, b) tells whether one value does for the other, where they are two objects.
    """
    def __init__(self, alike):
        self.places, self.alike = [], alike

    def add(self, Place place):
        """Watch a place."""
        self.places.append(place)

    def __len__(self):
        return len(self.places)

    def __iter__(self):
        return iter(self.places)

    cpdef bint unchanged(self) except -1:
        """Whether the values are those that were there, or do for them."""
        for place in self.places:
            if not (<Place>place).same() and not self.settle(place):
                return False
        return True

    cdef bint settle(self, place) except -1:
        value = (<Place>place).value()
        if not self.alike((<Place>place).expected, value):
            return False
        (<Place>place).expect(value)            # the same number as another object: quick again next time
        return True

    def changed(self):
        """The places with another value than before."""
        return [place for place in self.places if not (<Place>place).same() and not self.settle(place)]


# ---- frames ---------------------------------------------------------------------------------------------------------

@cython.final
cdef class Frames:
    """Reports the calls that a function makes while it runs.

    Args:
        enters: enters(frame) is called as the code of a user begins to run.
        is_users: is_users(filename) tells whose code that is.
        impure: built-in functions whose values come from outside.
        calls: calls(function, frame) is called before one of them runs.
    """
    cdef object enters, is_users, calls
    cdef frozenset impure
    cdef dict kinds                 # id(code) -> (code, whether it is a user's)
    cdef Py_tracefunc before
    cdef object before_object

    def __init__(self, enters, is_users, impure, calls):
        self.enters, self.is_users, self.impure, self.calls = enters, is_users, frozenset(impure), calls
        self.kinds = {}

    def run(self, function, tuple args, dict kwargs):
        """function(*args, **kwargs), reported. Another profiler of this thread goes on meanwhile and afterwards."""
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
        cdef PyObject *found = PyDict_GetItemWithError(self.kinds, <Py_ssize_t><PyObject *>code)
        if found == NULL:
            known = (code, self.is_users(code.co_filename))     # holds the code: its address stays its own
            self.kinds[<Py_ssize_t><PyObject *>code] = known
            return known[1]
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
