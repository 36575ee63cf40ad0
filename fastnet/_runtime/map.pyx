"""Launches of elementwise kernels: arrays of one size and dtype, divided into blocks of elements (src/map.h)."""
from fastnet._runtime.launch cimport READ, WRITE, Array, Kernel, Launch, bind, submit, unpack

cdef object _not_given = object()   # not None, which is refused like anything else that is no array


cdef int launch_map(Kernel kernel, double cost, object out, object x, object y=_not_given, object z=None,
                    double s0=0, double s1=0, double s2=0) except -1:
    """out = kernel(x, y, z), element by element, at an estimated `cost` in ns an element. z may be None."""
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    kernel.prepare(&launch, o.dtype)
    launch.p[MAP_OUT] = o.data
    bind(&launch, MAP_X, kernel.name, "the first input", x, READ, o.dtype, o.size)
    if y is not _not_given:
        bind(&launch, MAP_Y, kernel.name, "the second input", y, READ, o.dtype, o.size)
    if z is not None:
        bind(&launch, MAP_Z, kernel.name, "the third input", z, READ, o.dtype, o.size)
    launch.s[MAP_SCALAR_0] = s0
    launch.s[MAP_SCALAR_1] = s1
    launch.s[MAP_SCALAR_2] = s2
    set_elements(&launch, o.size, cost)
    return submit(&launch)


cdef int launch_map1(Kernel kernel, double cost, object out, object x,
                     double s0=0, double s1=0, double s2=0) except -1:
    """out = kernel(x), element by element, with scalars."""
    return launch_map(kernel, cost, out, x, _not_given, None, s0, s1, s2)
