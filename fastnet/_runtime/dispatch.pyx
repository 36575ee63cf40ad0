"""Calls of compiled kernels: recorded if a recording is on, packed or sent to the reference if the arrays need it."""
from cpython.ref cimport PyObject

from fastnet._runtime.launch import NeedsChannelsLast, NeedsPacking, UnsupportedDtype
from fastnet._runtime.state cimport current_recorder


def compiled_call(compiled, kernel, fallback, packed):
    """The entry of the table of kernels for a compiled kernel.

    Args:
        compiled: the compiled kernel.
        kernel: its reference, which tells a recording the outputs.
        fallback: takes calls with a dtype that the compiled kernel lacks.
        packed: packed(call, kernel, args, attrs, channels_last) makes the call with contiguous, aligned copies of the
            arrays, or with channels-last copies.
    """
    def call(*args, **attrs):
        cdef PyObject *recorder = current_recorder()
        try:
            if recorder == NULL:
                compiled(*args, **attrs)
            else:
                (<object>recorder).add_launches(compiled, kernel, args, attrs)
            return
        except UnsupportedDtype:
            needs_packing = False
        except NeedsPacking as need:
            needs_packing, channels_last = True, isinstance(need, NeedsChannelsLast)
        if needs_packing:
            packed(call, kernel, args, attrs, channels_last)
        else:
            fallback(*args, **attrs)
    return call
