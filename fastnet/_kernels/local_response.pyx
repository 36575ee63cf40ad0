"""Local response norm and its gradient. Contracts: reference/local_response.py; division: src/local_response.inc.h."""
from fastnet._runtime.launch cimport (
    F32, READ, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_ndim, family, rows_in_block, submit,
    unpack, unpack_like)
from fastnet._runtime.memory cimport Block, allocate_block

cdef extern from "src/local_response_slots.h":
    enum:
        SLACK
        OUT, X, SCALE, DY, SCRATCH, DX
        ROWS, CHANNELS, BEFORE, AFTER, BLOCK_ROWS
        FACTOR, BETA, K

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(local_response)
    """
    const Entry *const *local_response_tables

cdef Family _bodies = family(local_response_tables)
cdef Kernel _norm = _bodies["local_response_norm"], _backward = _bodies["local_response_norm_backward"]

cdef enum:
    MOST_BLOCKS = 256               # each has scratch memory


cdef Block prepare(str name, Launch *launch, Kernel kernel, const Array *x, ptrdiff_t size, double alpha, double beta):
    """Prepare a launch over rows, and return its scratch memory."""
    kernel.prepare(launch, x.dtype)
    expect_ndim(name, "x", x, 2)
    if size < 1:
        raise ValueError(f"{name}: expected a size of 1 or more, got {size}")
    cdef ptrdiff_t rows = x.shape[0], channels = x.shape[1], height = rows_in_block(channels)
    launch.n[ROWS] = rows
    launch.n[CHANNELS] = channels
    launch.n[BEFORE] = min(size // 2, channels)
    launch.n[AFTER] = min((size - 1) // 2, channels)
    launch.n[BLOCK_ROWS] = max(height, ceil_div(rows, MOST_BLOCKS))
    launch.s[FACTOR] = alpha / size
    launch.s[BETA] = beta
    launch.blocks = ceil_div(rows, launch.n[BLOCK_ROWS])
    launch.work = (2 + 0.1 * (launch.n[BEFORE] + launch.n[AFTER])) * (1 if x.dtype == F32 else 2) * x.size
    cdef ptrdiff_t width = launch.n[BEFORE] + channels + launch.n[AFTER] + SLACK
    return allocate_block(2 * max(1, launch.blocks) * width * x.itemsize)


def local_response_norm(out, scale, x, size, alpha, beta, k):
    cdef Launch launch
    cdef Array o, s, a
    unpack(x, &a)
    cdef Block scratch = prepare("local_response_norm", &launch, _norm, &a, size, alpha, beta)
    unpack_like("local_response_norm", "out", out, &o, WRITE, &a)
    unpack_like("local_response_norm", "scale", scale, &s, WRITE, &a)
    launch.p[OUT] = o.data
    launch.p[SCALE] = s.data
    launch.p[X] = a.data
    launch.p[SCRATCH] = scratch.data
    launch.s[K] = k
    submit(&launch)


def local_response_norm_backward(dx, x, scale, dy, size, alpha, beta):
    cdef Launch launch
    cdef Array od, s, a, g
    cdef str name = "local_response_norm_backward"
    unpack(x, &a)
    cdef Block scratch = prepare(name, &launch, _backward, &a, size, alpha, beta)
    unpack_like(name, "dx", dx, &od, WRITE, &a)
    unpack_like(name, "scale", scale, &s, READ, &a)
    unpack_like(name, "dy", dy, &g, READ, &a)
    launch.p[DX] = od.data
    launch.p[X] = a.data
    launch.p[SCRATCH] = scratch.data
    launch.p[SCALE] = s.data
    launch.p[DY] = g.data
    submit(&launch)
