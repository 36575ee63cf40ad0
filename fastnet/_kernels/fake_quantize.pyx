"""Rounding to the numbers that integers represent. Contract: reference/fake_quantize.py."""
from fastnet._runtime.launch cimport (
    F32, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype, expect_ndim, expect_shape,
    family, submit, unpack)

cdef extern from "src/fake_quantize_slots.h":
    enum:
        OUT, X, DY, SCALE, ZERO
        CHANNELS, INNER, CHUNKS, LOW, HIGH
        CHUNK_SIZE

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(fake_quantize)
    """
    const Entry *const *fake_quantize_tables

cdef Family _bodies = family(fake_quantize_tables)
cdef Kernel _fake_quantize = _bodies["fake_quantize"], _fake_quantize_backward = _bodies["fake_quantize_backward"]


def fake_quantize(out, x, scale, zero, low, high):
    cdef Launch launch
    cdef Array o, a
    unpack(x, &a)
    _fake_quantize.prepare(&launch, a.dtype)
    unpack(out, &o, WRITE)
    by_channels("fake_quantize", "out", &launch, &o, &a, scale, zero, low, high)
    submit(&launch)


def fake_quantize_backward(dx, x, dy, scale, zero, low, high):
    cdef Launch launch
    cdef Array o, a, g
    unpack(x, &a)
    _fake_quantize_backward.prepare(&launch, a.dtype)
    unpack(dx, &o, WRITE)
    unpack(dy, &g)
    by_channels("fake_quantize_backward", "dx", &launch, &o, &a, scale, zero, low, high)
    expect_dtype("fake_quantize_backward", "dy", &g, a.dtype)
    expect_shape("fake_quantize_backward", "dy", &g, a.shape, 3)
    launch.p[DY] = g.data
    submit(&launch)


cdef int by_channels(str name, str result, Launch *launch, Array *o, Array *a, scale, zero, low, high) except -1:
    """Check the arrays and fill the launch."""
    expect_ndim(name, "x", a, 3)
    expect_dtype(name, result, o, a.dtype)
    expect_shape(name, result, o, a.shape, 3)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    bind(launch, SCALE, name, "scale", scale, READ, a.dtype, a.shape[1])
    bind(launch, ZERO, name, "zero", zero, READ, a.dtype, a.shape[1])
    launch.n[CHANNELS] = a.shape[1]
    launch.n[INNER] = a.shape[2]
    launch.n[CHUNKS] = ceil_div(a.shape[2], CHUNK_SIZE)
    launch.n[LOW], launch.n[HIGH] = low, high
    launch.blocks = a.shape[0] * a.shape[1] * launch.n[CHUNKS]
    launch.work = (0.3 if a.dtype == F32 else 0.6) * a.size
    return 0
