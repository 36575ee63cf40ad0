"""Calls of compiled kernels: recorded if a recording is on, packed or sent to the reference if the arrays need it."""
from fastnet._runtime.launch import NeedsChannelsLast, NeedsPacking, UnsupportedDtype
from fastnet._runtime.state cimport current_meters, current_recorder
from fastnet._runtime.threads cimport clock

cdef tuple _REFUSALS = (UnsupportedDtype, NeedsPacking)


cdef class KernelCall:
    """The entry of the table of kernels for a compiled kernel: it is called as the kernel.

    Args:
        compiled: the compiled kernel.
        fallback: fallback() is the entry of the table for its reference, which takes calls with a dtype that the
            compiled kernel lacks. It imports the reference, and is called when that is first needed.
        packed: packed(call, kernel, args, attrs, channels_last) makes the call with contiguous, aligned copies of the
            arrays, or with channels-last copies.
    """

    def __init__(self, compiled, fallback, packed):
        self.compiled, self.fallback, self.packed = compiled, fallback, packed

    cdef object reference_call(self):
        """The entry of the table for the reference."""
        if self._reference_call is None:
            self._reference_call = self.fallback()
        return self._reference_call

    @property
    def __wrapped__(self):
        """The reference, which tells a recording the outputs."""
        return self.reference_call().__wrapped__

    def __call__(self, *args, **attrs):
        cdef double start, seconds
        try:
            if current_meters() != NULL and current_recorder() == NULL:         # a recorder tells the meters
                start = clock()
                self.compiled(*args, **attrs)
                seconds = clock() - start
                note_kernel(self.__wrapped__, args, attrs, seconds)
            elif current_recorder() == NULL:
                if attrs:
                    self.compiled(*args, **attrs)
                else:
                    self.compiled(*args)
            else:
                (<object>current_recorder()).add_launches(self.compiled, self.__wrapped__, args, attrs)
            return
        except _REFUSALS as error:
            refusal = error
        self.serve(refusal, args, attrs)

    cdef int run_unary(self, out, x) except -1:
        """self(out, x) outside of a recording, without a tuple and a dictionary of arguments."""
        if current_meters() != NULL:
            self(out, x)
            return 0
        try:
            self.compiled(out, x)
            return 0
        except _REFUSALS as error:
            refusal = error
        return self.serve(refusal, (out, x), {})

    cdef int run_binary(self, out, x, y) except -1:
        """self(out, x, y), as `run_unary`."""
        if current_meters() != NULL:
            self(out, x, y)
            return 0
        try:
            self.compiled(out, x, y)
            return 0
        except _REFUSALS as error:
            refusal = error
        return self.serve(refusal, (out, x, y), {})

    cdef int serve(self, refusal, tuple args, dict attrs) except -1:
        """Make a call that the compiled kernel refused."""
        if isinstance(refusal, NeedsPacking):
            self.packed(self, self.__wrapped__, args, attrs, isinstance(refusal, NeedsChannelsLast))
        else:
            self.reference_call()(*args, **attrs)
        return 0


cdef int note_kernel(kernel, tuple args, dict attrs, double seconds) except -1:
    """Tell the meters of this thread of a call."""
    for meter in <tuple>current_meters():
        meter.note_kernel(kernel, args, attrs, seconds)
    return 0
