"""From the table of kernels to the compiled ones: at each call, the way that the arrays and the recording ask for."""
from cpython.ref cimport PyObject

from fastnet._runtime.launch import NeedsPacking, UnsupportedDtype
from fastnet._runtime.state cimport current_recorder


def compiled_call(compiled, kernel, fallback, packed):
    """A compiled kernel as the table has it.

    Args:
        compiled: the kernel's `def`.
        kernel: its reference, which a recording asks for its outputs.
        fallback: what takes a call with a dtype that the compiled one lacks.
        packed: packed(call, kernel, args, attrs) makes the call with copies of what the compiled one cannot walk.
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
        except NeedsPacking:
            needs_packing = True
        if needs_packing:
            packed(call, kernel, args, attrs)
        else:
            fallback(*args, **attrs)
    return call
