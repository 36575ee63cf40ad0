"""What belongs to each Python thread, where every operation looks at it: see fastnet/state.py.

The twin without a compiler is reference/state.py.
"""
from cpython.ref cimport Py_XDECREF, Py_INCREF, PyObject

cdef extern from *:
    """
    #ifdef _MSC_VER
    #define PER_THREAD static __declspec(thread)
    #else
    #define PER_THREAD static __thread
    #endif
    PER_THREAD PyObject *recorder = 0;
    PER_THREAD int no_grad = 0;
    """
    PyObject *recorder              # the recording in progress, or NULL
    int no_grad


cdef PyObject *current_recorder() noexcept:
    return recorder


cdef bint gradients_recorded() noexcept:
    return not no_grad


cdef class State:
    """The values of the thread that asks."""

    @property
    def recorder(self):
        """The fastnet.recording.Recorder of a function being compiled, or None."""
        return None if recorder == NULL else <object>recorder

    @recorder.setter
    def recorder(self, value):
        global recorder
        cdef PyObject *before = recorder
        recorder = NULL
        if value is not None:
            Py_INCREF(value)
            recorder = <PyObject *>value
        Py_XDECREF(before)

    @property
    def grad_enabled(self):
        """Whether operations are recorded on the tape."""
        return not no_grad

    @grad_enabled.setter
    def grad_enabled(self, bint value):
        global no_grad
        no_grad = not value


state = State()
