"""The places where a recorded function reads Python values: each is compared by identity, then by value.

`_replay/watch.py` finds the places. The twin without a compiler is twins/places.py.
"""
cimport cython
from cpython.dict cimport PyDict_Next
from cpython.object cimport PyObject

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    PyObject *PyList_GET_ITEM(object, Py_ssize_t)
    PyObject *PyCell_GET(PyObject *)
    ctypedef struct PyTypeObject:
        unsigned int tp_version_tag
    PyTypeObject *Py_TYPE(object)
    PyObject *PyFunction_GET_CODE(object)
    PyObject *PyFunction_GET_DEFAULTS(object)
    PyObject *PyFunction_GET_KW_DEFAULTS(object)

cdef extern from *:
    """
    static PyObject *member_of(PyObject *cls, PyObject *name) { return _PyType_Lookup((PyTypeObject *)cls, name); }
    """
    PyObject *member_of(object, object)

cdef enum Kind:                     # the value of a place is:
    ENTRY = 0                       # one value of a dict (a global, an attribute), or MISSING
    CELL = 1                        # the contents of a closure's cell
    ELEMENTS = 2                    # all elements of a list
    ENTRIES = 3                     # all keys and values of a dict
    MEMBER = 4                      # an attribute of a class or of its bases, or MISSING
    COMPUTED = 5                    # key(holder)
    CLASS = 6                       # the class of an object, and key(class)
    FUNCTION = 7                    # the code and the defaults of a function

MISSING = object()                  # the value of a place that holds none


cdef inline bint is_object(PyObject *found, expected):
    return found == <PyObject *>expected or (found == NULL and expected is None)


@cython.final
cdef class Place:
    """A place where a function reads a value.

    Args:
        kind: a name of `Kind`.
        holder: the dict, cell, list, class or function; any object for COMPUTED and CLASS.
        key: the name in the holder; a function of the holder for COMPUTED, of its class for CLASS.
        path: the place in the user's words: "model.width".
    """
    cdef Kind kind
    cdef readonly object kind_name, holder, key, path
    cdef public object expected
    cdef unsigned int version       # of the holder's class: Python changes it when the class or a base changes

    def __init__(self, str kind, holder, key, path):
        self.kind_name = kind
        self.kind = {"ENTRY": ENTRY, "CELL": CELL, "ELEMENTS": ELEMENTS, "ENTRIES": ENTRIES, "MEMBER": MEMBER,
                     "COMPUTED": COMPUTED, "CLASS": CLASS, "FUNCTION": FUNCTION}[kind]
        self.holder, self.key, self.path = holder, key, path
        self.expect(self.value())

    cdef int expect(self, value) except -1:
        self.expected = value
        if self.kind == CLASS:
            member_of(type(self.holder), "__class__")       # a lookup assigns a version to the class
            self.version = Py_TYPE(self.holder).tp_version_tag
        return 0

    cpdef value(self):
        """The value that the place holds now."""
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
        """Whether the place holds the same object as before."""
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
            return False            # computed anew: compared by value
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
                with cython.critical_section(self.holder):
                    if len(<list>self.holder) != len(before):
                        return False
                    for i in range(len(before)):
                        if PyList_GET_ITEM(self.holder, i) != <PyObject *>before[i]:
                            return False
                return True
            with cython.critical_section(self.holder):
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
        alike: alike(a, b) tells whether two different objects are the same value.
    """
    def __init__(self, alike):
        self.places, self.alike = [], alike

    def add(self, Place place):
        """Compare a place, too."""
        self.places.append(place)

    def __len__(self):
        return len(self.places)

    def __iter__(self):
        return iter(self.places)

    cpdef bint unchanged(self) except -1:
        """Whether each place holds the same value as before."""
        for place in self.places:
            if not (<Place>place).same() and not self.alike_now(place):
                return False
        return True

    cdef bint alike_now(self, place) except -1:
        """Compare a place by value. The new object is expected from now on, so that identity suffices next time."""
        value = (<Place>place).value()
        if not self.alike((<Place>place).expected, value):
            return False
        (<Place>place).expect(value)
        return True

    def changed(self):
        """The places that hold another value than before."""
        return [place for place in self.places if not (<Place>place).same() and not self.alike_now(place)]
