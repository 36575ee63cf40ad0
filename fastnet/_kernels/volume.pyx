"""Gathers over up to three spatial dimensions. Contracts: reference/volume.py; division into blocks: src/volume.inc.h."""
from fastnet._runtime.launch cimport (
    F32, I64, WRITE, Array, Entry, Family, Kernel, Launch, ceil_div, expect_dtype, expect_ndim,
    family, rows_in_block, submit, unpack)

cdef extern from "src/volume_slots.h":
    enum:
        OUT, X, PLANES, ROWS, COLUMNS, PLANE_STARTS, ROW_STARTS, COLUMN_STARTS
        OUTER, INNER, OUT_DEPTH, OUT_HEIGHT, OUT_WIDTH, DEPTH, HEIGHT, WIDTH
        PLANE_COUNT, ROW_COUNT, COLUMN_COUNT, BLOCK_ROWS
        VALUE

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(volume)
    """
    const Entry *const *volume_tables

cdef Family _bodies = family(volume_tables)
cdef Kernel _take_volume = _bodies["take_volume"], _take_volume_backward = _bodies["take_volume_backward"]


cdef ptrdiff_t unpack_list(Launch *launch, int slot, str kernel, str name, object source) except -1:
    """Put a list of int64 indices in a pointer slot; returns its length."""
    cdef Array index
    unpack(source, &index)
    expect_dtype(kernel, name, &index, I64)
    expect_ndim(kernel, name, &index, 1)
    launch.p[slot] = index.data
    return index.size


cdef int unpack_starts(Launch *launch, int slot, str kernel, str name, object source, ptrdiff_t n) except -1:
    """Put n + 1 starts of lists in a pointer slot."""
    cdef ptrdiff_t expected = n + 1, length = unpack_list(launch, slot, kernel, name, source)
    if length != expected:
        raise ValueError(f"{kernel}: expected {name} of shape {(expected,)}, got {(length,)}")
    return 0


cdef int prepare(Launch *launch, Kernel kernel, object out, object x) except -1:
    """Unpack both volumes and divide the rows of the output into blocks."""
    cdef Array o, a
    unpack(x, &a)
    kernel.prepare(launch, a.dtype)
    unpack(out, &o, WRITE)
    expect_ndim(kernel.name, "x", &a, 5)
    expect_ndim(kernel.name, "out", &o, 5)
    expect_dtype(kernel.name, "out", &o, a.dtype)
    if o.shape[0] != a.shape[0] or o.shape[4] != a.shape[4]:
        raise ValueError(f"{kernel.name}: expected {(a.shape[0], a.shape[4])} as outer and inner dimensions of out, "
                         f"got {(o.shape[0], o.shape[4])}")
    launch.p[OUT] = o.data
    launch.p[X] = a.data
    launch.n[OUTER] = o.shape[0]
    launch.n[INNER] = o.shape[4]
    launch.n[OUT_DEPTH] = o.shape[1]
    launch.n[OUT_HEIGHT] = o.shape[2]
    launch.n[OUT_WIDTH] = o.shape[3]
    launch.n[DEPTH] = a.shape[1]
    launch.n[HEIGHT] = a.shape[2]
    launch.n[WIDTH] = a.shape[3]
    launch.n[BLOCK_ROWS] = rows_in_block(o.shape[3] * o.shape[4])
    launch.blocks = ceil_div(o.shape[0] * o.shape[1] * o.shape[2], launch.n[BLOCK_ROWS]) if o.size else 0
    launch.work = (0.15 if a.dtype == F32 else 0.3) * max(o.size, a.size)
    return 0


def take_volume(out, x, planes, rows, columns, value):
    cdef Launch launch
    prepare(&launch, _take_volume, out, x)
    cdef ptrdiff_t depth = unpack_list(&launch, PLANES, "take_volume", "planes", planes)
    cdef ptrdiff_t height = unpack_list(&launch, ROWS, "take_volume", "rows", rows)
    cdef ptrdiff_t width = unpack_list(&launch, COLUMNS, "take_volume", "columns", columns)
    if (depth, height, width) != (launch.n[OUT_DEPTH], launch.n[OUT_HEIGHT], launch.n[OUT_WIDTH]):
        raise ValueError(f"take_volume: expected out with spatial shape {(depth, height, width)}, got "
                         f"{(launch.n[OUT_DEPTH], launch.n[OUT_HEIGHT], launch.n[OUT_WIDTH])}")
    launch.s[VALUE] = value
    submit(&launch)


def take_volume_backward(dx, dy, planes, plane_starts, rows, row_starts, columns, column_starts):
    cdef Launch launch
    cdef str name = "take_volume_backward"
    prepare(&launch, _take_volume_backward, dx, dy)
    launch.n[PLANE_COUNT] = unpack_list(&launch, PLANES, name, "planes", planes)
    launch.n[ROW_COUNT] = unpack_list(&launch, ROWS, name, "rows", rows)
    launch.n[COLUMN_COUNT] = unpack_list(&launch, COLUMNS, name, "columns", columns)
    unpack_starts(&launch, PLANE_STARTS, name, "plane_starts", plane_starts, launch.n[OUT_DEPTH])
    unpack_starts(&launch, ROW_STARTS, name, "row_starts", row_starts, launch.n[OUT_HEIGHT])
    unpack_starts(&launch, COLUMN_STARTS, name, "column_starts", column_starts, launch.n[OUT_WIDTH])
    submit(&launch)
