"""Elementwise launches: arrays of one size and dtype, cut into blocks of 4096 elements (src/map.h)."""
from fastnet._runtime.launch cimport WRITE, Array, Kernel, Launch, expect_dtype, expect_size, submit, unpack

cdef enum:
    BLOCK = 4096

cdef object _none_given = object()  # not None: that is no array, and is refused like any other that is none


cdef int launch_map(Kernel kernel, double cost, object out, object x, object y=_none_given, object z=None,
                    double s0=0, double s1=0, double s2=0) except -1:
    """out = kernel(x, y, z), element by element, at an estimated `cost` in ns an element. None: no third input."""
    cdef Launch launch
    cdef Array o, a
    unpack(out, &o, WRITE)
    kernel.prepare(&launch, o.dtype)
    launch.p[0] = o.data
    cdef int slot = 1
    for source in (x, y, z):
        if source is _none_given or slot == 3 and source is None:
            break
        unpack(source, &a)
        expect_dtype(kernel.name, &a, o.dtype)
        expect_size(kernel.name, "an input's size", a.size, o.size)
        launch.p[slot] = a.data
        slot += 1
    launch.n[0] = o.size
    launch.s[0] = s0
    launch.s[1] = s1
    launch.s[2] = s2
    launch.blocks = (o.size + BLOCK - 1) // BLOCK
    launch.work = cost * o.size
    return submit(&launch)


cdef int launch_map1(Kernel kernel, double cost, object out, object x,
                     double s0=0, double s1=0, double s2=0) except -1:
    """The same with one input and scalars."""
    return launch_map(kernel, cost, out, x, _none_given, None, s0, s1, s2)
