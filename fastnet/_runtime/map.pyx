"""Launches of elementwise kernels: arrays of one size and dtype, divided into blocks of elements (src/map.h).

The arrays are contiguous or all channels-last without gaps, so that every element has the same place in each.
"""
cimport numpy as cnp

from fastnet._runtime.launch cimport READ, WRITE, Array, Kernel, Launch, bind, submit, unpack
from fastnet._runtime.memory cimport CHANNELS_LAST_MOST, channels_last_dim, is_channels_last

from fastnet._runtime.launch import NeedsChannelsLast

cnp.import_array()

cdef object _not_given = object()   # not None, which is refused like anything else that is no array


cdef bint is_walked_channels_last(object array) noexcept:
    """Whether an elementwise kernel walks an array in channels-last order."""
    return (cnp.PyArray_CheckExact(array) and not cnp.PyArray_IS_C_CONTIGUOUS(array)
            and is_channels_last(array, True))


cdef object in_memory_order(object array):
    """The contiguous view (N, *spatial, C) of an array that must be channels-last without gaps.

    Raises:
        NeedsChannelsLast: it is not.
    """
    cdef cnp.npy_intp order[CHANNELS_LAST_MOST]
    cdef cnp.PyArray_Dims dims
    cdef int i
    if not is_walked_channels_last(array):
        raise NeedsChannelsLast()
    dims.ptr, dims.len = order, (<cnp.ndarray>array).ndim
    for i in range(dims.len):
        order[dims.len - 1 - i] = channels_last_dim(i, dims.len)
    return cnp.PyArray_Transpose(array, &dims)


cdef int launch_map(Kernel kernel, double cost, object out, object x, object y=_not_given, object z=None,
                    double s0=0, double s1=0, double s2=0) except -1:
    """out = kernel(x, y, z), element by element, at an estimated `cost` in ns an element. z may be None."""
    cdef Launch launch
    cdef Array o
    if is_walked_channels_last(out):
        out, x = in_memory_order(out), in_memory_order(x)
        y = y if y is _not_given else in_memory_order(y)
        z = z if z is None else in_memory_order(z)
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
