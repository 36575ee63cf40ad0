"""Running sums, products, log-sums and extremes. Contracts: reference/scan.py; division into blocks: src/scan.inc.h."""
from fastnet._runtime.launch cimport (
    I64, READ, WRITE, Array, Entry, Family, Kernel, Launch, bind, ceil_div, expect_ndim, expect_shape, expect_dtype,
    family, rows_in_block, submit, unpack)

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(scan)
    """
    const Entry *const *scan_tables

cdef extern from "src/scan_slots.h":
    enum:
        SCAN_COLUMNS
        OUT, X, Y, DY
        OUTER, LENGTH, INNER, BLOCK_ROWS, REVERSE

cdef Family _bodies = family(scan_tables)
cdef Kernel _cumsum = _bodies["cumsum"], _cumprod = _bodies["cumprod"], _logcumsumexp = _bodies["logcumsumexp"]
cdef Kernel _cumprod_backward = _bodies["cumprod_backward"]
cdef Kernel _logcumsumexp_backward = _bodies["logcumsumexp_backward"]
cdef Kernel _cummax = _bodies["cummax"], _cummin = _bodies["cummin"]


cdef int launch_scan(Kernel kernel, double cost, object out, object x, object y=None, object dy=None,
                     bint reverse=False, bint places=False) except -1:
    """Launch a kernel whose arrays all have the shape (outer, n, inner); `cost` is the nanoseconds an element."""
    cdef Launch launch
    cdef Array o, a
    unpack(x, &a)
    unpack(out, &o, WRITE)
    kernel.prepare(&launch, a.dtype)
    expect_ndim(kernel.name, "x", &a, 3)
    expect_shape(kernel.name, "out", &o, a.shape, 3)
    expect_dtype(kernel.name, "out", &o, I64 if places else a.dtype)
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    if y is not None:
        bind(&launch, Y, kernel.name, "y", y, READ, a.dtype, a.size)
        bind(&launch, DY, kernel.name, "dy", dy, READ, a.dtype, a.size)
    launch.n[OUTER] = a.shape[0]
    launch.n[LENGTH] = a.shape[1]
    launch.n[INNER] = a.shape[2]
    launch.n[REVERSE] = reverse
    launch.n[BLOCK_ROWS] = rows_in_block(a.shape[1] * min(a.shape[2], <ptrdiff_t>SCAN_COLUMNS))
    launch.blocks = ceil_div(a.shape[0], launch.n[BLOCK_ROWS]) * ceil_div(a.shape[2], SCAN_COLUMNS)
    launch.work = cost * a.size
    return submit(&launch)


def cumsum(out, x, reverse=False):
    launch_scan(_cumsum, 0.5, out, x, None, None, reverse)


def cumprod(out, x):
    launch_scan(_cumprod, 0.5, out, x)


def cumprod_backward(dx, x, y, dy):
    launch_scan(_cumprod_backward, 2, dx, x, y, dy)


def logcumsumexp(out, x):
    launch_scan(_logcumsumexp, 10, out, x)


def logcumsumexp_backward(dx, x, y, dy):
    launch_scan(_logcumsumexp_backward, 10, dx, x, y, dy)


def cummax(out, x):
    launch_scan(_cummax, 1, out, x, None, None, False, True)


def cummin(out, x):
    launch_scan(_cummin, 1, out, x, None, None, False, True)
